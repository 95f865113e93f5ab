/**
 * Rules for workloads together: replicas of a group on boxes of their own, in a least number of failure domains, and where a group runs,
 * others run in the same area. A replica without a place counts as if it were wherever it is missed: so taking one away never breaks a
 * rule, and a plan that is begun may be one that can still be made whole. Of a plan with everything placed the rules hold as they are said.
 */
import type { Misfit, PlacementProblem } from '../../schemas/generated/types.ts';
import { at } from './model.ts';
import type { Site } from './site.ts';

/** Replicas that are fixed, with their box; -1 when that is not part of the problem. */
interface Fixed {
  readonly workload: number;
  readonly node: number;
}

/** One group near which another must be. */
interface Need {
  readonly group: number;
  readonly other: number;
}

export class GroupRules {
  readonly groups: NonNullable<PlacementProblem['groups']>;
  /** Groups of each workload that have a rule, or that another group must be near. */
  readonly of: readonly Int32Array[];
  readonly apart: Uint8Array;
  /** Failure domains each must be in; fewer where it has fewer replicas, or fixed ones stand in each other's way. */
  readonly least: Int32Array;
  /** Replicas that a plan places, and fixed ones on boxes of the problem. */
  readonly size: Int32Array;
  readonly needs: readonly Need[];
  /** By group: needs that it has, and needs for it. */
  readonly needsOf: readonly Int32Array[];
  readonly needsFor: readonly Int32Array[];
  readonly domain: Int32Array;
  readonly domains: number;
  readonly area: Int32Array;
  readonly areas: number;
  readonly nodes: number;
  readonly fixed: readonly Fixed[];

  private constructor({ problem, nodes, workloads, workloadIndex }: Site, free: Int32Array, fixed: readonly Fixed[]) {
    const groups = problem.groups ?? [];
    const index = new Map(groups.map(({ id }, group) => [id, group]));
    const needed = new Set(groups.flatMap(({ near = [] }) => near));
    const of: number[][] = workloads.map(() => []);
    this.groups = groups;
    this.fixed = fixed.filter(({ node }) => node >= 0);
    this.size = new Int32Array(groups.length);
    const bound = new Int32Array(workloads.length);
    for (const { workload } of this.fixed) bound[workload] = at(bound, workload) + 1;
    groups.forEach(({ id, members, apart = false, leastDomains = 1, near = [] }, group) => {
      if (!apart && leastDomains < 2 && near.length === 0 && !needed.has(id)) return;
      for (const name of new Set(members)) {
        const workload = workloadIndex.get(name);
        if (workload === undefined) continue;
        at(of, workload).push(group);
        this.size[group] = at(this.size, group) + at(free, workload) + at(bound, workload);
      }
    });
    this.of = of.map((list) => Int32Array.from(list));
    this.apart = Uint8Array.from(groups, ({ apart = false }) => (apart ? 1 : 0));
    this.needs = groups.flatMap(({ near = [] }, group) =>
      [...new Set(near)].flatMap((name) => {
        const other = index.get(name);
        return other === undefined || other === group ? [] : [{ group, other }];
      }),
    );
    const needsOf: number[][] = groups.map(() => []);
    const needsFor: number[][] = groups.map(() => []);
    this.needs.forEach(({ group, other }, need) => {
      at(needsOf, group).push(need);
      at(needsFor, other).push(need);
    });
    this.needsOf = needsOf.map((list) => Int32Array.from(list));
    this.needsFor = needsFor.map((list) => Int32Array.from(list));
    const domains = numbers(nodes.map(({ domain }) => domain));
    const areas = numbers(nodes.map(({ domain, area = domain }) => area));
    this.domain = domains.of;
    this.domains = domains.count;
    this.area = areas.of;
    this.areas = areas.count;
    this.nodes = nodes.length;
    const apartFixed = groups.map(() => new Set<number>());
    const fixedOf = new Int32Array(groups.length);
    for (const { workload, node } of this.fixed)
      for (const group of at(this.of, workload)) {
        at(apartFixed, group).add(at(this.domain, node));
        fixedOf[group] = at(fixedOf, group) + 1;
      }
    this.least = Int32Array.from(groups, ({ leastDomains = 1 }, group) =>
      Math.min(leastDomains, at(apartFixed, group).size + at(this.size, group) - at(fixedOf, group)),
    );
  }

  /** Undefined where no group has a rule. @param free replicas of each workload that a plan places. */
  static of(site: Site, free: Int32Array, fixed: readonly Fixed[]): GroupRules | undefined {
    const ruled = site.problem.groups?.some(
      ({ apart, leastDomains = 1, near = [] }) => apart === true || leastDomains > 1 || near.length > 0,
    );
    return ruled === true ? new GroupRules(site, free, fixed) : undefined;
  }
}

/** Counts of one plan, kept up to date in the time one replica takes. */
export class GroupCounts {
  readonly #rules: GroupRules;
  readonly #of: readonly Int32Array[];
  readonly #apart: Uint8Array;
  readonly #domain: Int32Array;
  readonly #area: Int32Array;
  /** Rows of the tables below; -1 for groups that need none. */
  readonly #hereRow: Int32Array;
  readonly #domainRow: Int32Array;
  readonly #areaRow: Int32Array;
  readonly #here: Uint16Array;
  readonly #inDomain: Int32Array;
  readonly #inArea: Int32Array;
  readonly #distinct: Int32Array;
  readonly #open: Int32Array;
  /** Of each need: areas that have the one, but not the other; and those that fixed replicas leave behind for good. */
  readonly #missing: Int32Array;
  readonly #excused: Int32Array;
  /** Workloads for which domains or areas matter. */
  readonly #spreads: Uint8Array;

  constructor(rules: GroupRules) {
    this.#rules = rules;
    this.#of = rules.of;
    this.#apart = rules.apart;
    this.#domain = rules.domain;
    this.#area = rules.area;
    const { length } = rules.groups;
    const rows = (has: (group: number) => boolean): { readonly row: Int32Array; readonly count: number } => {
      let count = 0;
      const row = Int32Array.from({ length }, (_, group) => {
        if (!has(group)) return -1;
        count += 1;
        return count - 1;
      });
      return { row, count };
    };
    const here = rows((group) => rules.apart[group] === 1);
    const domain = rows((group) => at(rules.least, group) > 1);
    const area = rows((group) => at(rules.needsOf, group).length + at(rules.needsFor, group).length > 0);
    this.#hereRow = here.row;
    this.#domainRow = domain.row;
    this.#areaRow = area.row;
    this.#here = new Uint16Array(here.count * rules.nodes);
    this.#inDomain = new Int32Array(domain.count * rules.domains);
    this.#inArea = new Int32Array(area.count * rules.areas);
    this.#distinct = new Int32Array(length);
    this.#open = rules.size.slice();
    this.#missing = new Int32Array(rules.needs.length);
    this.#excused = new Int32Array(rules.needs.length);
    this.#spreads = Uint8Array.from(rules.of, (groups) =>
      groups.some((group) => at(this.#domainRow, group) !== -1 || at(this.#areaRow, group) !== -1) ? 1 : 0,
    );
    for (const { workload, node } of rules.fixed) this.change(workload, node, 1);
    rules.needs.forEach(({ other }, need) => {
      this.#excused[need] = Math.max(0, at(this.#missing, need) - at(this.#open, other));
    });
  }

  /** Puts a replica on a box, or takes it away. */
  change(workload: number, node: number, sign: 1 | -1): void {
    const groups = this.#of[workload] as Int32Array;
    for (let index = 0; index < groups.length; index += 1) {
      const group = groups[index] as number;
      this.#open[group] = (this.#open[group] as number) - sign;
      const here = this.#hereRow[group] as number;
      if (here !== -1) {
        const cell = here * this.#rules.nodes + node;
        this.#here[cell] = (this.#here[cell] as number) + sign;
      }
      const row = this.#domainRow[group] as number;
      if (row !== -1) {
        const cell = row * this.#rules.domains + (this.#domain[node] as number);
        const count = (this.#inDomain[cell] as number) + sign;
        this.#inDomain[cell] = count;
        if (count === (sign === 1 ? 1 : 0)) this.#distinct[group] = (this.#distinct[group] as number) + sign;
      }
      if (this.#areaRow[group] !== -1) this.#changeArea(group, this.#area[node] as number, sign);
    }
  }

  #changeArea(group: number, area: number, sign: 1 | -1): void {
    const { areas, needs, needsOf, needsFor } = this.#rules;
    const cell = (this.#areaRow[group] as number) * areas + area;
    const count = (this.#inArea[cell] as number) + sign;
    this.#inArea[cell] = count;
    if (count !== (sign === 1 ? 1 : 0)) return;
    const mine = needsOf[group] as Int32Array;
    for (let index = 0; index < mine.length; index += 1) {
      const need = mine[index] as number;
      const { other } = needs[need] as Need;
      if (this.#inArea[(this.#areaRow[other] as number) * areas + area] === 0) this.#missing[need] = (this.#missing[need] as number) + sign;
    }
    const theirs = needsFor[group] as Int32Array;
    for (let index = 0; index < theirs.length; index += 1) {
      const need = theirs[index] as number;
      const { group: needy } = needs[need] as Need;
      if ((this.#inArea[(this.#areaRow[needy] as number) * areas + area] as number) > 0)
        this.#missing[need] = (this.#missing[need] as number) - sign;
    }
  }

  /** Whether one of a group that keeps apart from this workload is on a box. */
  meets(workload: number, node: number): boolean {
    const groups = this.#of[workload] as Int32Array;
    for (let index = 0; index < groups.length; index += 1) {
      const group = groups[index] as number;
      if (this.#apart[group] === 1 && (this.#here[(this.#hereRow[group] as number) * this.#rules.nodes + node] as number) > 0) return true;
    }
    return false;
  }

  /** Whether a replica that has no place now may go to a box. */
  allows(workload: number, node: number): boolean {
    if (this.meets(workload, node)) return false;
    if (this.#spreads[workload] === 0) return true;
    this.change(workload, node, 1);
    const holds = this.#holds(workload);
    this.change(workload, node, -1);
    return holds;
  }

  /** Whether a replica may go from one box to another. */
  allowsMove(workload: number, from: number, to: number): boolean {
    if (this.meets(workload, to)) return false;
    if (this.#isAlike(workload, from, to)) return true;
    this.change(workload, from, -1);
    this.change(workload, to, 1);
    const holds = this.#holds(workload);
    this.change(workload, to, -1);
    this.change(workload, from, 1);
    return holds;
  }

  /** Whether a replica may take the place of another, and that one go to a third box: by default where the first was. */
  allowsSwap(workload: number, from: number, other: number, to: number, third = from): boolean {
    this.change(other, to, -1);
    this.change(workload, from, -1);
    let holds = !this.meets(workload, to) && !this.meets(other, third);
    if (holds && (!this.#isAlike(workload, from, to) || !this.#isAlike(other, to, third))) {
      this.change(workload, to, 1);
      this.change(other, third, 1);
      holds = this.#holds(workload) && this.#holds(other);
      this.change(other, third, -1);
      this.change(workload, to, -1);
    }
    this.change(workload, from, 1);
    this.change(other, to, 1);
    return holds;
  }

  /** Whether the two boxes are the same to all rules but that of keeping apart. */
  #isAlike(workload: number, from: number, to: number): boolean {
    return this.#spreads[workload] === 0 || (this.#domain[from] === this.#domain[to] && this.#area[from] === this.#area[to]);
  }

  #holds(workload: number): boolean {
    const { least, needs, needsOf, needsFor } = this.#rules;
    const groups = this.#of[workload] as Int32Array;
    for (let index = 0; index < groups.length; index += 1) {
      const group = groups[index] as number;
      const open = this.#open[group] as number;
      if (this.#domainRow[group] !== -1 && (this.#distinct[group] as number) + open < (least[group] as number)) return false;
      if (this.#areaRow[group] === -1) continue;
      const mine = needsOf[group] as Int32Array;
      for (let turn = 0; turn < mine.length; turn += 1) {
        const need = mine[turn] as number;
        const { other } = needs[need] as Need;
        if ((this.#missing[need] as number) > (this.#open[other] as number) + (this.#excused[need] as number)) return false;
      }
      const theirs = needsFor[group] as Int32Array;
      for (let turn = 0; turn < theirs.length; turn += 1) {
        const need = theirs[turn] as number;
        if ((this.#missing[need] as number) > open + (this.#excused[need] as number)) return false;
      }
    }
    return true;
  }

  /** Every rule that stands against a replica, which has no place now, being on a box. */
  misfits(workload: number, node: number): readonly Misfit[] {
    const { groups, least, needs, needsOf, needsFor } = this.#rules;
    const misfits: Misfit[] = [];
    const nameOf = (group: number): string => at(groups, group).id;
    for (const group of at(this.#of, workload))
      if (this.#apart[group] === 1 && at(this.#here, at(this.#hereRow, group) * this.#rules.nodes + node) > 0)
        misfits.push({ code: 'GROUP_APART', names: [nameOf(group)] });
    this.change(workload, node, 1);
    for (const group of at(this.#of, workload)) {
      const open = at(this.#open, group);
      if (at(this.#domainRow, group) !== -1 && at(this.#distinct, group) + open < at(least, group))
        misfits.push({ code: 'GROUP_SPREAD', limit: at(least, group), actual: at(this.#distinct, group), names: [nameOf(group)] });
      const lacking = new Set<string>();
      for (const need of at(needsOf, group)) {
        const { other } = at(needs, need);
        if (at(this.#missing, need) > at(this.#open, other) + at(this.#excused, need)) lacking.add(nameOf(other));
      }
      if (lacking.size > 0) misfits.push({ code: 'GROUP_NEAR', names: [...lacking].slice(0, namesMax) });
      const needy = new Set<string>();
      for (const need of at(needsFor, group))
        if (at(this.#missing, need) > open + at(this.#excused, need)) needy.add(nameOf(at(needs, need).group));
      if (needy.size > 0) misfits.push({ code: 'GROUP_MISSED', names: [...needy].slice(0, namesMax) });
    }
    this.change(workload, node, -1);
    return misfits;
  }
}

/** Names in one reason. */
const namesMax = 64;

function numbers(names: readonly string[]): { readonly of: Int32Array; readonly count: number } {
  const known = new Map<string, number>();
  const of = Int32Array.from(names, (name) => {
    const number = known.get(name) ?? known.size;
    known.set(name, number);
    return number;
  });
  return { of, count: known.size };
}

/** What it costs that members of groups move: the most moved of any group counts. */
export class GroupMoves {
  readonly #of: readonly Int32Array[];
  readonly #moved: Int32Array;
  /** Groups by how many of theirs are moved. */
  readonly #groups: Int32Array;
  readonly #perMove: number;
  #most = 0;

  private constructor({ problem, workloads, workloadIndex }: Site, perMove: number) {
    const of: number[][] = workloads.map(() => []);
    const groups = problem.groups ?? [];
    let largest = 0;
    groups.forEach(({ members }, group) => {
      let size = 0;
      for (const name of new Set(members)) {
        const workload = workloadIndex.get(name);
        if (workload === undefined) continue;
        at(of, workload).push(group);
        size += at(workloads, workload).replicas;
      }
      largest = Math.max(largest, size);
    });
    this.#of = of.map((list) => Int32Array.from(list));
    this.#moved = new Int32Array(groups.length);
    this.#groups = new Int32Array(largest + 1);
    this.#groups[0] = groups.length;
    this.#perMove = perMove;
  }

  /** Undefined where such moves cost nothing. @param perMove micro-seconds per hour. */
  static of(site: Site, perMove: number): GroupMoves | undefined {
    return perMove > 0 && (site.problem.groups?.length ?? 0) > 0 ? new GroupMoves(site, perMove) : undefined;
  }

  get cost(): number {
    return this.#most * this.#perMove;
  }

  /** A replica has moved, or is back. */
  change(workload: number, sign: 1 | -1): void {
    const of = this.#of[workload] as Int32Array;
    for (let index = 0; index < of.length; index += 1) {
      const group = of[index] as number;
      const before = this.#moved[group] as number;
      const after = before + sign;
      this.#moved[group] = after;
      this.#groups[before] = (this.#groups[before] as number) - 1;
      this.#groups[after] = (this.#groups[after] as number) + 1;
      if (after > this.#most) this.#most = after;
      else if (before === this.#most && this.#groups[before] === 0) this.#most = after;
    }
  }
}
