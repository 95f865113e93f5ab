/** The program: the command line, and the process around an agent. */
import { existsSync } from 'node:fs';
import packageJson from '../package.json' with { type: 'json' };
import { CliError, exitCode } from './cli/http-client.ts';
import { runCli } from './cli/main-cli.ts';
import { startAgent } from './compose.ts';
import { ConfigError, loadConfig } from './config.ts';
import { type Damage, DataDirError, makeDataDir } from './data-dir.ts';
import { runDemo } from './demo/demo.ts';
import { makeLogger } from './logger.ts';
import { loadOrCreateIdentity } from './network/identity.ts';
import { RecoverError, recoverSite } from './recover.ts';

const nodeMajor = 24;

/** Exit codes of `agent`: 2 configuration, 4 the data directory is refused, 5 a port is in use, 1 anything else. */
const exitCodes: Readonly<Record<string, number>> = {
  DATA_DIR_IN_USE: 4,
  DATA_DIR_OTHER_NODE: 4,
  DATA_DIR_OTHER_CLUSTER: 4,
  DATA_DIR_NOT_WRITABLE: 4,
  DATA_DIR_DAMAGED: 4,
  DATA_DIR_LOG_LOST: 4,
  DATA_DIR_COPIED: 4,
  PORT_IN_USE: 5,
  LISTEN_FAILED: 5,
};
/** A stop that takes longer than this is a fault: the process ends anyway, and the workloads live on under their keepers. */
const stopDeadlineMs = 10_000;

function complain(error: unknown): number {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  process.stderr.write(
    `holdfast: ${typeof code === 'string' ? `${code}: ` : ''}${typeof message === 'string' ? message : String(error)}\n`,
  );
  return typeof code === 'string' ? (exitCodes[code] ?? 1) : 1;
}

async function runAgent({ config, stopWorkloads }: { readonly config: string; readonly stopWorkloads: boolean }): Promise<number> {
  let settings: ReturnType<typeof loadConfig>;
  try {
    settings = loadConfig(config);
  } catch (error) {
    complain(error);
    return error instanceof ConfigError ? 2 : 1;
  }
  const log = makeLogger(settings.name, settings.logLevel);
  let end: (outcome: number | Damage) => void = () => undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(0));
  // A fault of ours: nothing in memory can be trusted, so end at once. Keepers and workloads go on; the next agent adopts them.
  process.on('uncaughtException', (error) => {
    log.error('agent.crashed', { message: error.message, stack: error.stack });
    process.exit(1);
  });
  const worker = new URL('./placement-worker.mjs', import.meta.url);
  let damage: Damage | undefined;
  for (;;) {
    const ended = new Promise<number | Damage>((resolve) => {
      end = resolve;
    });
    try {
      const agent = await startAgent({
        settings,
        log,
        version: packageJson.version,
        workerUrl: existsSync(worker) ? worker : undefined,
        onFatal: () => end(1),
        damage,
        onUnfit: (found) => end(found),
      });
      const outcome = await ended;
      const deadline = setTimeout(() => process.exit(outcome === 0 ? 1 : Number(outcome) || 1), stopDeadlineMs).unref();
      await agent.stop(stopWorkloads && typeof outcome === 'number');
      if (typeof outcome === 'number') return outcome;
      clearTimeout(deadline);
      if (outcome.code === 'CLONED') return complain({ code: 'DATA_DIR_COPIED', message: outcome.message });
      damage = outcome;
    } catch (error) {
      return complain(error);
    }
  }
}

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < nodeMajor) {
    process.stderr.write(
      `holdfast: needs Node ${nodeMajor} or newer, this is ${process.versions.node}: run it with \`npx holdfast\` or \`npm start\`, which bring their own\n`,
    );
    return 1;
  }
  const self = new URL(import.meta.url).pathname;
  // A small young generation and one helper thread: 10 MB less at rest, 70 less under load, and no slower on a box of two cores.
  const program = [process.execPath, ...packageJson.config.nodeFlags, self];
  const example = (name: string): string => new URL(`../packaging/examples/${name}.workloads.yaml`, import.meta.url).pathname;
  return runCli(process.argv.slice(2), {
    version: packageJson.version,
    runAgent,
    runDemo: (options) => runDemo({ ...options, program, workloadFile: example('site'), workloadFileAlone: example('alone') }),
    recover: async (config, confirmed) => {
      try {
        return await recoverSite(loadConfig(config), confirmed);
      } catch (error) {
        if (error instanceof ConfigError) throw new CliError(exitCode.usage, error.code, error.message);
        if (error instanceof DataDirError || error instanceof RecoverError) throw new CliError(exitCode.refused, error.code, error.message);
        throw error;
      }
    },
    showId: async (dataDir) => {
      try {
        makeDataDir(dataDir);
      } catch (error) {
        throw error instanceof DataDirError ? new CliError(exitCode.refused, error.code, error.message) : error;
      }
      return (await loadOrCreateIdentity(dataDir)).peerId;
    },
  });
}

// Whoever read our output has seen enough (`holdfast events | head`): that is no fault to report.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const code = await main().catch(complain);
// A pipe takes 64 KiB at once and the rest as it is read: an exit before that would cut a long answer off.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(code);
