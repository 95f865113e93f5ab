/** What a person sees while the demonstration runs: a compact picture on a terminal, one line per change in a pipe. */
import type { HealthDocument, StatusDocument, WorkloadsDocument } from '../../schemas/generated/types.ts';

export interface BoxPicture {
  readonly name: string;
  readonly site: string;
  readonly endpoint: string;
  /** Undefined while the box does not answer. */
  readonly status: StatusDocument | undefined;
  readonly health: HealthDocument | undefined;
}

export interface Picture {
  readonly boxes: readonly BoxPicture[];
  readonly workloads: WorkloadsDocument['workloads'];
}

const pad = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width));

const cpuOf = (health: HealthDocument | undefined): string =>
  health?.cpu.usagePercent == null ? '-' : `${Math.round(health.cpu.usagePercent)} %`;

function memoryOf(health: HealthDocument | undefined): string {
  const { totalBytes, availableBytes } = health?.memory ?? { totalBytes: null, availableBytes: null };
  return totalBytes === null || availableBytes === null ? '-' : `${Math.round((100 * availableBytes) / totalBytes)} %`;
}

/** The whole picture, at most `columns` wide. */
export function drawPicture({ boxes, workloads }: Picture, columns: number): string {
  const lines = ['Holdfast: a site of three boxes and its upper site. Ctrl-C ends it.', ''];
  lines.push(
    `${pad('BOX', 10)}${pad('SITE', 8)}${pad('MODE', 12)}${pad('ROLE', 14)}${pad('TERM', 6)}${pad('APPLIED', 9)}${pad('CPU', 6)}${pad('MEM FREE', 10)}REACHES`,
  );
  for (const { name, site, status, health } of boxes) {
    if (status === undefined) {
      lines.push(`${pad(name, 10)}${pad(site, 8)}does not answer`);
      continue;
    }
    const { authority, consensus, members } = status;
    const reaches = members.filter(({ name: other, reachable }) => reachable && other !== name).map(({ name: other }) => other);
    lines.push(
      `${pad(name, 10)}${pad(site, 8)}${pad(authority.mode, 12)}${pad(consensus.role, 14)}${pad(String(consensus.term), 6)}${pad(String(consensus.appliedIndex), 9)}${pad(cpuOf(health), 6)}${pad(memoryOf(health), 10)}${reaches.join(' ') || '-'}`,
    );
  }
  lines.push('', `${pad('WORKLOAD', 24)}${pad('BOX', 10)}${pad('CLASS', 7)}${pad('STATE', 10)}${pad('PID', 9)}DECIDED`);
  for (const { name, replicas, wanted } of workloads) {
    if (replicas.length === 0) lines.push(`${pad(name, 24)}not placed (${wanted} wanted)`);
    for (const { replica, node, class: workClass, state, pid, provisional } of replicas) {
      const label = wanted > 1 ? `${name}/${replica}` : name;
      lines.push(
        `${pad(label, 24)}${pad(node ?? '-', 10)}${pad(workClass ?? '-', 7)}${pad(state ?? 'unknown', 10)}${pad(pid === null ? '-' : String(pid), 9)}${provisional ? 'by the site, provisional' : 'confirmed'}`,
      );
    }
  }
  lines.push(
    '',
    'Ask a box in another terminal:',
    ...boxes.map(({ name, endpoint }) => `  ${pad(name, 10)}HOLDFAST_ENDPOINT=${endpoint} npx holdfast status`),
  );
  return lines.map((line) => line.slice(0, Math.max(40, columns))).join('\n');
}

/** One line for each thing that differs between two pictures. */
export function describeChanges(before: Picture | undefined, now: Picture): readonly string[] {
  const lines: string[] = [];
  for (const { name, status } of now.boxes) {
    const was = before?.boxes.find((box) => box.name === name)?.status;
    const text = (of: StatusDocument | undefined): string =>
      of === undefined ? 'does not answer' : `${of.consensus.role}, ${of.authority.mode}`;
    if (text(was) !== text(status)) lines.push(`${name}: ${text(status)}`);
  }
  // A job that runs every second is no news every second.
  const steady = (kind: string, state: string | null): string =>
    kind === 'job' && ['running', 'ready', 'waiting'].includes(state ?? '') ? 'in turn' : (state ?? 'unknown');
  const flat = (picture: Picture | undefined): ReadonlyMap<string, string> =>
    new Map(
      (picture?.workloads ?? []).flatMap(({ name, kind, replicas }) =>
        replicas.map(({ replica, node, class: workClass, state, pid, provisional }) => [
          `${name}/${replica}`,
          `${steady(kind, state)} on ${node} (${workClass}${pid === null || workClass !== 'hot' ? '' : `, process ${pid}`}${provisional ? ', provisional' : ''})`,
        ]),
      ),
    );
  const old = flat(before);
  for (const [key, text] of flat(now)) if (old.get(key) !== text) lines.push(`${key}: ${text}`);
  return lines;
}
