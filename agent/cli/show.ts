/** Documents as a person reads them, within 80 columns where it can be. */
import type { NodesDocument, Plan, StatusDocument, WorkloadsDocument } from '../../schemas/generated/types.ts';
import { seconds, table } from './context.ts';

export function showStatus({ node, authority, consensus, uplink, members, workloads, refused, storage }: StatusDocument): string {
  const lines = [
    `${node.name} of site ${node.site}, agent ${node.version}, up ${seconds(node.uptimeSeconds)}`,
    `authority  ${authority.mode}${authority.mode === authority.siteMode ? '' : ` (site: ${authority.siteMode})`}, epoch ${authority.epoch}${uplink.configured ? `, based on intent ${authority.basisRevision}` : ''}`,
    `consensus  ${consensus.role} in term ${consensus.term}, leader ${consensus.leader ?? 'unknown'}, applied ${consensus.appliedIndex} of ${consensus.commitIndex}${consensus.ready ? '' : ', catching up'}`,
    ...(consensus.succession.length === 0
      ? []
      : [`next       ${consensus.succession.join(', then ')} (by name, when the leader is lost; the one with the longer log)`]),
    ...(consensus.uncertain === undefined
      ? []
      : [
          `uncertain  the last batch of its log was torn or damaged: ${consensus.leader === null ? 'without a leader it waits to hear every voter' : 'it is being brought up to date'}`,
        ]),
    ...(consensus.healing === undefined
      ? []
      : [
          `healing    ${consensus.healing.stage}, no vote until its site has given it its memory anew: ${consensus.healing.reason}`,
          ...(consensus.healing.refusal === null ? [] : [`           not now: ${consensus.healing.refusal}`]),
        ]),
    ...(consensus.copies === undefined
      ? []
      : [
          `copies     ${consensus.copies === 1 ? 'ONE COPY: the data is on this box alone' : consensus.copies}, witness ${consensus.witnesses?.join(', ')}`,
        ]),
    `uplink     ${uplink.configured ? `${uplink.site} ${uplink.connected ? 'connected' : 'not connected'}${uplink.lastContactSeconds === null ? '' : `, last answer ${seconds(uplink.lastContactSeconds)} ago`}` : 'none configured'}`,
    `workloads  ${workloads.ready} ready of ${workloads.desired} here${workloads.blocked > 0 ? `, ${workloads.blocked} blocked` : ''}${workloads.unplaced > 0 ? `; ${workloads.unplaced} without a box` : ''}`,
    `storage    ${storage.state}${storage.detail === null ? '' : `: ${storage.detail}`}`,
    `refused    ${refused.strangers} strangers, ${refused.hellos} greetings, ${refused.frames} frames, ${refused.gossip} gossip messages`,
    ...refused.documents.map(({ from, kind, count, lastReason }) => `           ${count} ${kind} documents of ${from}: ${lastReason}`),
    '',
    '',
  ];
  const rows = members.map(({ name, reachable, verdict, observers, unreachableFor, healthAgeSeconds }) => [
    name,
    reachable ? 'yes' : 'no',
    verdict,
    `${unreachableFor} of ${observers}`,
    seconds(healthAgeSeconds),
  ]);
  return lines.join('\n') + table(['MEMBER', 'REACHED', 'VERDICT', 'NOT REACHED BY', 'HEALTH AGE'], rows);
}

export function showNodes({ nodes }: NodesDocument): string {
  const rows = nodes.map(({ name, site, usable, cordoned, reason, health, healthAgeSeconds, topology }) => {
    const memory = health?.memory;
    const free =
      memory?.availableBytes == null || memory.totalBytes == null
        ? '-'
        : `${Math.round((100 * memory.availableBytes) / memory.totalBytes)} %`;
    const cpu = health?.cpu.usagePercent;
    return [
      name,
      site,
      usable ? 'yes' : 'no',
      topology === null ? '-' : `${topology.capacity.memoryMiB} MiB`,
      health?.availability?.class ?? '-',
      cpu == null ? '-' : `${cpu.toFixed(0)} %`,
      free,
      seconds(healthAgeSeconds),
      reason ?? (cordoned === true ? 'cordoned' : ''),
    ];
  });
  return table(['BOX', 'SITE', 'USABLE', 'SHARE', 'LOAD', 'CPU', 'MEM FREE', 'AGE', ''], rows);
}

export function showWorkloads({ workloads }: WorkloadsDocument): string {
  if (workloads.length === 0) return 'No workloads. Give some with `holdfast apply -f FILE`.';
  const rows = workloads.flatMap(({ name, replicas, wanted }) => {
    const without = wanted - replicas.length;
    const placed = replicas.map(({ replica, node, class: workClass, state, pid, runs, perHour, restarts, provisional, reason, ports }) => {
      const facts = [
        ...(provisional ? ['provisional'] : []),
        ...(runs > 0 ? [`${runs} runs${perHour === undefined ? '' : `, ${Number(perHour.toPrecision(3))} per hour`}`] : []),
        ...(restarts > 0 ? [`${restarts} restarts`] : []),
        ...Object.entries(ports).map(([port, number]) => `${port} on ${number}`),
        ...(reason === null ? [] : [reason]),
      ];
      return [
        wanted > 1 ? `${name}/${replica}` : name,
        node,
        workClass,
        state ?? 'not heard',
        pid === null ? '-' : String(pid),
        facts.join(', '),
      ];
    });
    return without <= 0 ? placed : [...placed, [name, '-', '-', 'not placed', '-', `${without} of ${wanted} wanted`]];
  });
  return table(['WORKLOAD', 'BOX', 'CLASS', 'STATE', 'PID', ''], rows);
}

export function showPlan({ assignments, objective, bound, gapPercent, provenBy, unplaced, alternatives, explanation }: Plan): string {
  const lines = [
    table(
      ['WORKLOAD', 'REPLICA', 'BOX', 'CLASS'],
      assignments.map(({ workload, replica, node, class: workClass }) => [workload, String(replica), node, workClass]),
    ),
  ];
  for (const { summary } of unplaced) lines.push(`no place: ${summary}`);
  lines.push(
    '',
    `figure of merit ${objective.total.toFixed(3)} s/h (lower is better), bound ${bound.toFixed(3)}${gapPercent === undefined ? '' : `, at most ${gapPercent.toFixed(1)} % above the optimum`} (${provenBy})`,
  );
  const terms = objective.terms.filter(({ cost }) => cost !== 0);
  for (const { name, cost } of terms) lines.push(`  ${name.padEnd(14)} ${cost.toFixed(3)} s/h`);
  if (terms.length < objective.terms.length) lines.push(`  ${terms.length === 0 ? 'all terms' : 'all others'} are 0`);
  alternatives.forEach((alternative, i) => {
    lines.push(`alternative ${i + 1}: ${alternative.objective.total.toFixed(3)} s/h`);
  });
  for (const pro of explanation.pros) lines.push(`+ ${pro}`);
  const told = new Set(unplaced.map(({ summary }) => summary));
  for (const con of explanation.cons) if (!told.has(con)) lines.push(`- ${con}`);
  return lines.join('\n');
}
