/** A plan as a picture: boxes by tier with load and temperature, work by class, links, and the ways data take. One SVG, nothing outside it. */
import type { PlacedReplica, PlacementNode, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { availableAt, demandOf } from './demand.ts';
import { type Card, cardSize, type Layout, layout, lineBetween, type Spot } from './layout.ts';
import { at, resources, type WorkClass } from './model.ts';
import { readSite, routeTo, type Site } from './site.ts';

interface Theme {
  readonly ground: string;
  readonly card: string;
  readonly line: string;
  readonly ink: string;
  readonly soft: string;
  readonly track: string;
  readonly link: string;
}
const light: Theme = {
  ground: '#fbfbf9',
  card: '#fff',
  line: '#c9ccd1',
  ink: '#1d2530',
  soft: '#66707d',
  track: '#e9ebee',
  link: '#9aa3ae',
};
const dark: Theme = {
  ground: '#14181d',
  card: '#1e242b',
  line: '#3a434d',
  ink: '#e8ebef',
  soft: '#9ba6b2',
  track: '#2e363f',
  link: '#667280',
};

/** Colours as they are: viewers that are no browsers know no variables, and draw what they do not understand in black. */
const coloursOf = ({ ground, card, line, ink, soft, track, link }: Theme): string =>
  `.p text{fill:${ink}} .p .soft{fill:${soft}} .p .chip{fill:#fff} .p .halo{stroke:${ground}} .ground{fill:${ground}} .card{fill:${card};stroke:${line}} .track{fill:${track}} .link{stroke:${link}}`;

const style = `
  ${coloursOf(light)}
  @media (prefers-color-scheme:dark){${coloursOf(dark)}}
  .p text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
  .p .soft{font-size:11px} .p .name{font-size:15px;font-weight:600} .p .title{font-size:20px;font-weight:600}
  .p .chip{font-weight:600;font-size:11.5px} .p .halo{paint-order:stroke;stroke-width:8px;stroke-linejoin:round}
  .link{fill:none;stroke-width:1.6}`;

/** How far above its box the note of a link stands that comes from farther off than the row above. */
const noteLift = 22;

/** Work by class: hot, warm, cold. */
const classColour: Readonly<Record<WorkClass, string>> = { hot: '#c8402f', warm: '#b4731a', cold: '#2f74b5' };
/** Ways of data, one colour per source, told apart in both themes and by colour-blind eyes. */
const sourceColours = ['#0f8b8d', '#8e5bb5', '#5a8f29', '#c2558c', '#4a78d0', '#a8792b', '#2a9d6f', '#7a7f88'];
const resourceName = { memoryMiB: 'memory', cacheMiB: 'cache', cpuCores: 'cpu', diskMiB: 'disk', vramMiB: 'gpu' } as const;

/** Draws a plan of the problem. The document follows the reader's light or dark theme. @throws {PlacementError} */
export function drawPlan(problem: PlacementProblem, plan: Plan): string {
  const site = readSite(problem);
  const at = new Map<string, PlacedReplica[]>(problem.nodes.map(({ id }) => [id, []]));
  for (const placed of plan.assignments) at.get(placed.node)?.push(placed);
  const cards = problem.nodes.map((node): Card => {
    const used = resources.filter((_, index) => (availableAt(node)[index] ?? 0) > 0).length;
    return { id: node.id, level: node.level, lines: used, chips: at.get(node.id)?.length ?? 0 };
  });
  const sources = problem.sources.map(({ id, nodes }) => ({ id, nodes }));
  const plane = layout(cards, sources, plan.unplaced.length > 0 ? 1 : 0);
  const links = problem.links.flatMap((link) => linkOf(plane, link.a, link.b, `${number(link.latencyMs)} ms · ${rate(link.mbps)}`) ?? []);
  // Notes come after all lines, so that none crosses them.
  const parts = [
    ...links.map(({ path }) => path),
    ...waysOf(plane, site, plan),
    ...links.map(({ note }) => note),
    ...problem.nodes.map((node) => cardOf(at.get(node.id) ?? [], node, site, plane)),
    ...plane.sources.map((pill) => sourceOf(pill, numberOf(site, pill.id))),
  ];
  const { width, height } = plane;
  const { total } = plan.objective;
  const proof =
    plan.gapPercent === undefined
      ? ''
      : plan.gapPercent === 0
        ? ' · proven optimum'
        : ` · at most ${plan.gapPercent.toFixed(1)} % above the optimum`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="p" role="img" aria-label="${xml(`Plan ${plan.hash}: ${plan.assignments.length} replicas on ${problem.nodes.length} boxes`)}">
<style>${style}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse" markerUnits="userSpaceOnUse"><path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>
<rect class="ground" width="${width}" height="${height}" rx="10"/>
<text x="32" y="42" class="title">${count(plan.assignments.length, 'replica')} on ${count(problem.nodes.length, 'box')}</text>
<text x="32" y="64" class="soft">figure of merit ${total.toFixed(3)} s/h, lower is better${proof} · plan ${plan.hash}</text>
${legend(width)}
${parts.join('\n')}
${unplacedOf(plan, plane)}
</svg>
`;
}

function cardOf(placed: readonly PlacedReplica[], node: PlacementNode, site: Site, plane: Layout): string {
  const spot = spotOf(plane, node.id);
  const { x, y, height } = spot;
  const { width } = cardSize;
  const available = availableAt(node);
  const load = available.map(() => 0);
  for (const { workload, class: workClass } of placed) {
    const index = site.workloadIndex.get(workload);
    if (index !== undefined)
      demandOf(at(site.workloads, index), workClass, node.id).forEach((need, resource) => {
        load[resource] = at(load, resource) + need;
      });
  }
  const shares = available.map((free, index) => (free > 0 ? at(load, index) / free : 0));
  const temperature = Math.min(2, 2 * Math.max(...shares));
  const colour = heat(temperature);
  const state = !node.health.usable ? 'not usable' : node.health.cordoned === true ? 'cordoned' : `temperature ${temperature.toFixed(2)}`;
  const rows = resources.flatMap((resource, index) => (at(available, index) > 0 ? [{ resource, index }] : []));
  const meters = rows.map(({ resource, index }, row) => {
    const top = y + 62 + row * cardSize.line;
    const share = Math.min(1, at(shares, index));
    return (
      `<text x="${x + 14}" y="${top + 8}" class="soft">${resourceName[resource]}</text>` +
      `<rect class="track" x="${x + 66}" y="${top}" width="96" height="8" rx="4"/>` +
      (share > 0
        ? `<rect fill="${heat(2 * share)}" x="${x + 66}" y="${top}" width="${number(Math.max(3, 96 * share))}" height="8" rx="4"/>`
        : '') +
      `<text x="${x + width - 12}" y="${top + 8}" class="soft" text-anchor="end">${quantity(resource, at(load, index))} / ${quantity(resource, at(available, index))}</text>`
    );
  });
  const first = y + 62 + rows.length * cardSize.line + 4;
  const shown = placed.length > cardSize.chipsMax ? placed.slice(0, cardSize.chipsMax - 1) : placed;
  const chips = shown.map(({ workload, replica, class: workClass }, row) => {
    const top = first + row * cardSize.chip;
    return (
      `<rect fill="${classColour[workClass]}" x="${x + 12}" y="${top}" width="${width - 24}" height="20" rx="10"><title>${xml(`${workload}/${replica}, ${workClass}`)}</title></rect>` +
      `<text x="${x + 22}" y="${top + 14}" class="chip">${xml(clip(`${workload}/${replica}`, 27))}</text>` +
      `<text x="${x + width - 22}" y="${top + 14}" class="chip" text-anchor="end">${workClass}</text>`
    );
  });
  if (shown.length < placed.length)
    chips.push(
      `<text x="${x + 22}" y="${first + shown.length * cardSize.chip + 14}" class="soft">and ${placed.length - shown.length} more</text>`,
    );
  if (placed.length === 0) chips.push(`<text x="${x + 14}" y="${first + 14}" class="soft">nothing placed here</text>`);
  return `<g${node.health.usable ? '' : ' opacity=".55"'}><rect class="card" x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>
<path fill="${colour}" d="M${x} ${y + 10}a10 10 0 0 1 10-10h${width - 20}a10 10 0 0 1 10 10v-4H${x}z"/>
<text x="${x + 14}" y="${y + 30}" class="name">${xml(clip(node.id, 24))}</text>
<text x="${x + width - 12}" y="${y + 30}" text-anchor="end" style="fill:${colour};font-weight:600">${state}</text>
<text x="${x + 14}" y="${y + 48}" class="soft">${xml(clip([node.domain, ...node.tags, ...node.extras].join(' · '), 40))}</text>
${meters.join('\n')}
${chips.join('\n')}</g>`;
}

/** A link: an arc over the boxes of one row, or a line between rows; what it can do stands at its middle. */
function linkOf(plane: Layout, a: string, b: string, label: string): { readonly path: string; readonly note: string } | undefined {
  const [from, to] = [plane.spots.get(a), plane.spots.get(b)];
  if (from === undefined || to === undefined) return undefined;
  const [x1, x2] = [middle(from), middle(to)];
  if (from.row === to.row) {
    const lift = 18 + 10 * Math.abs(from.column - to.column);
    const [left, right] = x1 < x2 ? [x1 + 40, x2 - 40] : [x2 + 40, x1 - 40];
    const y = from.y;
    const top = { x: (left + right) / 2, y: y - lift + 2 };
    return {
      path: `<path class="link" d="M${left} ${y}C${left + 20} ${y - lift * 1.3} ${right - 20} ${y - lift * 1.3} ${right} ${y}"/>`,
      note: note(top.x, top.y, label),
    };
  }
  const [upper, lower, xu, xl] = from.row < to.row ? [from, to, x1, x2] : [to, from, x2, x1];
  const [y1, y2] = [upper.y + upper.height, lower.y];
  const line = lineBetween(plane.rows, { x: xu, y: y1, row: upper.row }, { x: xl, y: y2, row: lower.row }, lower.column);
  const isNear = lower.row === upper.row + 1;
  return {
    path: `<path class="link" d="${line}"/>`,
    note: isNear ? note(xl + (xu - xl) * 0.35, y2 - (y2 - y1) * 0.42, label) : note(xl, y2 - noteLift, label),
  };
}

/** The ways of data: from a source to the box that delivers it, and on to the boxes that read it. */
function waysOf({ spots, sources, rows }: Layout, site: Site, plan: Plan): readonly string[] {
  const reads = new Map<string, { source: string; node: number; perSecond: number }>();
  for (const { workload, node } of plan.assignments) {
    const [index, box] = [site.workloadIndex.get(workload), site.nodeIndex.get(node)];
    if (index === undefined || box === undefined) continue;
    const { inputs, perHour = 0 } = at(site.workloads, index);
    for (const { source, mbPerCall } of inputs) {
      const known = reads.get(`${source} ${box}`);
      const perSecond = (known?.perSecond ?? 0) + (perHour * mbPerCall) / 3600;
      reads.set(`${source} ${box}`, { source, node: box, perSecond });
    }
  }
  const drawn = new Set<string>();
  return [...reads.values()].flatMap(({ source, node, perSecond }, way) => {
    const number = numberOf(site, source);
    const pill = sources.find(({ id }) => id === source);
    const { origin } = routeTo(site, { source }, node, 'latencyMs');
    if (pill === undefined || origin === -1) return [];
    const colour = colourOf(number);
    const [from, to] = [spots.get(at(site.nodes, origin).id), spots.get(at(site.nodes, node).id)];
    if (from === undefined || to === undefined) return [];
    const shift = ((number % 5) - 2) * 16;
    const line = (d: string, what: string): string =>
      `<path fill="none" stroke="${colour}" stroke-width="${(1.8 + Math.min(4, perSecond)).toFixed(1)}" marker-end="url(#tip)" d="${d}"><title>${xml(what)}</title></path>`;
    const out: string[] = [];
    const [x, y] = [middle(from) + shift, from.y + from.height];
    if (!drawn.has(`${source} ${origin}`)) {
      drawn.add(`${source} ${origin}`);
      const [px, py] = [pill.x + pill.width / 2, pill.above ? pill.y + 26 : pill.y];
      const [end, row] = pill.above ? [from.y - 2, -1] : [y + 2, rows.length];
      out.push(line(lineBetween(rows, { x: px, y: py, row }, { x, y: end, row: from.row }, number), `${source} is delivered here`));
    }
    if (origin === node) return out;
    const x2 = middle(to) + shift;
    const what = `${source}: ${perSecond.toFixed(2)} MB/s to ${at(site.nodes, node).id}`;
    if (from.row === to.row) {
      const depth = 26 + 6 * (way % 4) + 8 * Math.abs(from.column - to.column);
      const bottom = to.y + to.height;
      out.push(line(`M${x} ${y}C${x} ${Math.max(y, bottom) + depth} ${x2} ${Math.max(y, bottom) + depth} ${x2} ${bottom + 2}`, what));
    } else {
      const [start, end] = to.row < from.row ? [from.y, to.y + to.height + 2] : [y, to.y - 2];
      out.push(line(lineBetween(rows, { x, y: start, row: from.row }, { x: x2, y: end, row: to.row }, number), what));
    }
    return out;
  });
}

function sourceOf({ id, x, y, width }: Layout['sources'][number], number: number): string {
  return `<rect class="card" style="stroke:${colourOf(number)};stroke-width:1.6" x="${x}" y="${y}" width="${width}" height="26" rx="13"/><text x="${x + width / 2}" y="${y + 17}" text-anchor="middle">${xml(clip(id, 26))}</text>`;
}

function unplacedOf({ unplaced }: Plan, { height }: Layout): string {
  if (unplaced.length === 0) return '';
  const names = unplaced.map(({ workload, replica }) => `${workload}/${replica}`).join(', ');
  return `<text x="32" y="${height - 24}" style="fill:#c8402f;font-weight:600">No place: ${xml(clip(names, 120))}</text>`;
}

function legend(width: number): string {
  const classes = (['hot', 'warm', 'cold'] as const).map(
    (name, i) =>
      `<rect x="${width - 190 + i * 56}" y="30" width="46" height="18" rx="9" fill="${classColour[name]}"/><text x="${width - 167 + i * 56}" y="43" text-anchor="middle" class="chip">${name}</text>`,
  );
  return `${classes.join('')}<text x="${width - 28}" y="64" class="soft" text-anchor="end">box temperature: 0 empty, 2 full · arrows: data</text>`;
}

function note(x: number, y: number, text: string): string {
  return `<text x="${number(x)}" y="${number(y)}" class="soft halo" text-anchor="middle">${text}</text>`;
}

/** Blue when empty, amber half way, red when full. */
function heat(temperature: number): string {
  const stops = [
    [47, 116, 181],
    [196, 138, 36],
    [200, 64, 47],
  ];
  const place = Math.min(1.999, Math.max(0, temperature));
  const [from, to] = [at(stops, Math.floor(place)), at(stops, Math.floor(place) + 1)];
  return `#${from
    .map((value, i) =>
      Math.round(value + (at(to, i) - value) * (place % 1))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

function quantity(resource: (typeof resources)[number], value: number): string {
  if (resource === 'cpuCores') return value >= 10 ? value.toFixed(0) : String(Math.round(value * 100) / 100);
  return value >= 1024 ? `${number(value / 1024)} GiB` : `${Math.round(value)} MiB`;
}

function rate(mbps: number): string {
  return mbps >= 1000 ? `${number(mbps / 1000)} Gb/s` : `${number(mbps)} Mb/s`;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function colourOf(source: number): string {
  return at(sourceColours, Math.max(0, source) % sourceColours.length);
}

function middle({ x }: Spot): number {
  return x + cardSize.width / 2;
}

/** Position of a source in the problem: its colour. */
function numberOf({ problem }: Site, id: string): number {
  return problem.sources.findIndex((source) => source.id === id);
}

function spotOf({ spots }: Layout, id: string): Spot {
  const spot = spots.get(id);
  if (spot === undefined) throw new RangeError(`No spot for ${id}`);
  return spot;
}

function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : one.endsWith('x') ? 'es' : 's'}`;
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function xml(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] ?? sign);
}
