/** Where things stand in the picture of a plan: upper tiers above, boxes of a tier in rows, data sources below. */
import { at, compareText } from './model.ts';

/** A box to draw. */
export interface Card {
  readonly id: string;
  readonly level: number;
  /** Meters. */
  readonly lines: number;
  /** Replicas on it. */
  readonly chips: number;
}

/** Where a box is drawn, in pixels. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly row: number;
  readonly column: number;
}

/** Boxes side by side: lines pass them in the gaps between. */
export interface Row {
  readonly y: number;
  readonly height: number;
  /** Middles of the gaps, and of the margins. */
  readonly gaps: readonly number[];
}

/** Where a line ends: in a row, above the first (-1), or below the last. */
export interface End {
  readonly x: number;
  readonly y: number;
  readonly row: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly spots: ReadonlyMap<string, Spot>;
  readonly rows: readonly Row[];
  readonly sources: readonly {
    readonly id: string;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly above: boolean;
  }[];
}

/** A data source and the boxes that deliver it. */
export interface Delivered {
  readonly id: string;
  readonly nodes: readonly string[];
}

export const cardSize = { width: 292, line: 18, chip: 24, chipsMax: 10 } as const;

const margin = 32;
const gapX = 56;
const gapY = 112;
const headHeight = 130;
const pillHeight = 26;
/** Boxes in a row, for each there would be in a square. */
const broad = 1.4;
/** Lines in one gap, side by side; how far from each other, and from boxes above and below. */
const lanes = 5;
const laneGap = 8;
const clear = 12;

/** Places everything; the same input gives the same picture. @param footLines lines of text kept free at the bottom. */
export function layout(cards: readonly Card[], sources: readonly Delivered[], footLines: number): Layout {
  const perRow = Math.max(4, Math.min(12, Math.ceil(broad * Math.sqrt(cards.length))));
  const rows = [...new Set(cards.map(({ level }) => level))]
    .sort((a, b) => b - a)
    .flatMap((level) =>
      chunks(
        cards.filter((card) => card.level === level),
        perRow,
      ),
    );
  const widest = Math.max(2, ...rows.map((row) => row.length));
  const width = 2 * margin + widest * cardSize.width + (widest - 1) * gapX;
  const spots = new Map<string, Spot>();
  const lines: Row[] = [];
  const lowest = Math.min(...cards.map(({ level }) => level));
  const isTop = new Set(rows[0]?.filter(({ level }) => level > lowest).map(({ id }) => id));
  const isAbove = ({ nodes }: Delivered): boolean => nodes.length > 0 && nodes.every((node) => isTop.has(node));
  const above = sources.filter(isAbove);
  let y = headHeight + (above.length > 0 ? pillHeight + 44 : 0);
  rows.forEach((row, number) => {
    const used = row.length * cardSize.width + (row.length - 1) * gapX;
    const height = Math.max(...row.map(heightOf));
    row.forEach(({ id }, column) => {
      spots.set(id, { x: (width - used) / 2 + column * (cardSize.width + gapX), y, height, row: number, column });
    });
    const first = (width - used) / 2 - gapX / 2;
    lines.push({ y, height, gaps: Array.from({ length: row.length + 1 }, (_, gap) => first + gap * (cardSize.width + gapX)) });
    y += height + gapY;
  });
  const placed = [
    ...placeSources(above, spots, width, headHeight - 30, true),
    ...placeSources(
      sources.filter((source) => !isAbove(source)),
      spots,
      width,
      y - gapY + 90,
      false,
    ),
  ];
  const bottom = placed.reduce((most, pill) => Math.max(most, pill.y + pillHeight), y - gapY);
  return { width, height: bottom + margin + 28 * footLines, spots, rows: lines, sources: placed };
}

/**
 * A line from one end to the other that crosses no box: rows on the way are passed in the gap nearest to the straight way.
 * @param lane which of the lines in a gap it is, so that not all are one.
 * @returns a path for SVG.
 */
export function lineBetween(rows: readonly Row[], from: End, to: End, lane: number): string {
  const step = from.row < to.row ? 1 : -1;
  const offset = ((lane % lanes) - (lanes >> 1)) * laneGap;
  let { x, y } = from;
  let path = `M${x} ${y}`;
  const curve = (toX: number, toY: number): void => {
    path += `C${x} ${(y + toY) / 2} ${toX} ${(y + toY) / 2} ${toX} ${toY}`;
    [x, y] = [toX, toY];
  };
  for (let row = from.row + step; row !== to.row && rows[row] !== undefined; row += step) {
    const { y: top, height, gaps } = at(rows, row);
    const straight = from.x + ((to.x - from.x) * (row - from.row)) / (to.row - from.row);
    const gap = gaps.reduce((best, one) => (Math.abs(one - straight) < Math.abs(best - straight) ? one : best), at(gaps, 0)) + offset;
    const [near, far] = step === 1 ? [top - clear, top + height + clear] : [top + height + clear, top - clear];
    curve(gap, near);
    path += `L${gap} ${far}`;
    y = far;
  }
  curve(to.x, to.y);
  return path;
}

function heightOf({ lines, chips }: Card): number {
  return 62 + lines * cardSize.line + Math.max(1, Math.min(chips, cardSize.chipsMax)) * cardSize.chip + 14;
}

/** Each source below the boxes that deliver it, as far as there is room. */
function placeSources(
  sources: readonly Delivered[],
  spots: ReadonlyMap<string, Spot>,
  width: number,
  top: number,
  above: boolean,
): Layout['sources'] {
  const wanted = sources.map(({ id, nodes }) => {
    const at = nodes.flatMap((node) => spots.get(node)?.x ?? []);
    return { id, size: Math.min(26, id.length) * 7 + 28, x: at.reduce((sum, x) => sum + x / at.length, 0) };
  });
  const found: Layout['sources'][number][] = [];
  const lines = chunks(
    wanted.sort((a, b) => a.x - b.x || compareText(a.id, b.id)),
    Math.max(1, Math.floor((width - 2 * margin) / 215)),
  );
  lines.forEach((line, number) => {
    const room = (width - 2 * margin) / line.length;
    line.forEach(({ id, size }, column) => {
      found.push({ id, x: margin + room * (column + 0.5) - size / 2, y: top + number * (pillHeight + 14), width: size, above });
    });
  });
  return found;
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
