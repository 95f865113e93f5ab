/** One picture of every box of the site, made from facts: topology, health, instances, verdicts. Pure. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { HealthDocument, InstancesDocument, ReportedNode, TopologyDocument } from '../../schemas/generated/types.ts';
import type { Fact } from '../ports.ts';
import type { MemberVerdict } from './verdict.ts';

export interface NodeFacts {
  readonly members: readonly NodeId[];
  readonly now: number;
  readonly topology: ReadonlyMap<NodeId, Fact<TopologyDocument>>;
  readonly health: ReadonlyMap<NodeId, Fact<HealthDocument>>;
  readonly instances: ReadonlyMap<NodeId, Fact<InstancesDocument>>;
  readonly verdict: (member: NodeId) => MemberVerdict;
  /** Boxes it has not reached for some time, though both are alive. */
  readonly unreached?: (member: NodeId) => readonly NodeId[];
  /** 0 (sound) to 1, from a health document. */
  readonly risk: (health: HealthDocument | undefined) => number;
}

/** Members whose topology or instances are not known yet are left out: nothing can be placed there, and nothing be moved from there. */
export function viewNodes(facts: NodeFacts): readonly ReportedNode[] {
  return facts.members.flatMap((member) => {
    const topology = facts.topology.get(member)?.document;
    const said = facts.instances.get(member)?.document;
    if (topology === undefined || said === undefined) return [];
    const health = facts.health.get(member);
    const { verdict, observers, unreachableFor } = facts.verdict(member);
    const unreached = facts.unreached?.(member) ?? [];
    const lost = verdict === 'lost' || verdict === 'cut-off';
    return [
      {
        topology,
        usable: !lost,
        reason: lost ? `${verdict}: ${unreachableFor} of ${observers} observers do not reach it` : null,
        risk: facts.risk(health?.document),
        ...(unreached.length === 0 ? {} : { unreached: [...unreached] }),
        ...(health?.document.availability === undefined ? {} : { availability: health.document.availability }),
        staged: said.staged,
        instances: said.instances,
        healthAgeSeconds: health === undefined ? null : Math.max(0, (facts.now - health.receivedAt) / 1000),
      },
    ];
  });
}
