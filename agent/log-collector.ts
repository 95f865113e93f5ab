/** Output of a workload from wherever it runs: this box's own, and the others' by call. */
import type { NodeId } from '../consensus/core/types.ts';
import type { CallPort, ExecutorPort, SiteAccess } from './ports.ts';
import type { LogLines } from './status/agent-api.ts';

const logsProtocol = '/holdfast/logs/1';
const answerBytesMax = 2 * 1024 * 1024;
const linesMax = 10_000;

interface Asked {
  readonly workload: string;
  readonly replica: number | null;
  readonly lines: number;
}

export class LogCollector {
  readonly #site: SiteAccess;
  readonly #calls: CallPort;
  readonly #executor: ExecutorPort;

  constructor({ site, calls, executor }: { readonly site: SiteAccess; readonly calls: CallPort; readonly executor: ExecutorPort }) {
    this.#site = site;
    this.#calls = calls;
    this.#executor = executor;
  }

  start(): void {
    this.#calls.serve(logsProtocol, { requestBytesMax: 1024 }, async (_from, request) => {
      const { workload, replica, lines } = JSON.parse(new TextDecoder().decode(request)) as Partial<Asked>;
      if (typeof workload !== 'string' || typeof lines !== 'number' || !(replica === null || typeof replica === 'number'))
        throw new Error('BAD_REQUEST: workload, replica and lines are needed');
      const found = this.#executor.logs(workload, replica ?? undefined, Math.min(linesMax, Math.max(0, lines))) ?? [];
      return new TextEncoder().encode(JSON.stringify(fitting(found)));
    });
  }

  async collect(workload: string, { replica, lines }: { readonly replica?: number; readonly lines: number }): Promise<readonly LogLines[]> {
    const places = this.#site.state
      .placements()
      .filter((placement) => placement.workload === workload && (replica === undefined || placement.replica === replica));
    return Promise.all(
      places.map(async (place) => ({
        node: place.node,
        replica: place.replica,
        lines: await this.#from(place.node, { workload, replica: place.replica, lines }),
      })),
    );
  }

  async #from(node: NodeId, asked: Asked): Promise<readonly string[]> {
    if (node === this.#site.self) return this.#executor.logs(asked.workload, asked.replica ?? undefined, asked.lines) ?? [];
    try {
      const bytes = await this.#calls.call(node, logsProtocol, new TextEncoder().encode(JSON.stringify(asked)), {
        timeoutMs: 3000,
        responseBytesMax: answerBytesMax,
      });
      const lines = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
      return Array.isArray(lines) ? lines.filter((line): line is string => typeof line === 'string') : [];
    } catch (error) {
      return [`(${node} does not answer: ${error instanceof Error ? error.message : String(error)})`];
    }
  }
}

/** The newest lines that fit an answer. */
function fitting(lines: readonly string[]): readonly string[] {
  let bytes = 0;
  let from = lines.length;
  while (from > 0 && bytes + (lines[from - 1]?.length ?? 0) * 2 + 4 < answerBytesMax / 2) {
    from -= 1;
    bytes += (lines[from]?.length ?? 0) * 2 + 4;
  }
  return lines.slice(from);
}
