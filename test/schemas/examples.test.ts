import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { loadSchemas } from '../../schemas/tools/generate.ts';
import { type DocumentKind, parseDocument } from '../../schemas/validate.ts';

const examples = new URL('../../schemas/examples/', import.meta.url);

/** Where the fault of an invalid example is to be found. */
const pointers: Readonly<Record<string, string>> = {
  'AgentConfig.data-directory-missing': '/dataDir',
  'AgentConfig.misspelt-key': '/timing/pingMS',
  'AgentConfig.peer-id-of-another-kind': '/upper/members/0/peerId',
  'AgentConfig.status-on-all-addresses': '/status/host',
  'AgentConfig.ten-members': '/site/members',
  'DecisionsDocument.no-trigger': '/decisions/0/triggers',
  'DecisionsDocument.whim': '/decisions/0/triggers/0/kind',
  'HealthDocument.memory-missing': '/memory',
  'HealthDocument.node-name-with-blank': '/node',
  'HealthDocument.other-version': '/version',
  'HealthDocument.text-for-memory': '/memory/availableBytes',
  'HealthDocument.unknown-key': '/colour',
  'HealthDocument.usage-above-100': '/cpu/usagePercent',
  'InstancesDocument.last-exit-missing': '/instances/0/lastExit',
  'InstancesDocument.negative-pid': '/instances/0/pid',
  'InstancesDocument.port-zero': '/instances/0/ports/http',
  'InstancesDocument.replica-out-of-range': '/instances/0/replica',
  'InstancesDocument.unknown-key': '/colour',
  'InstancesDocument.unknown-state': '/instances/0/state',
  'MaintenanceDocument.negative-replicas': '/maintenance/0/replicas',
  'MaintenanceDocument.no-box': '/maintenance/0/node',
  'MaintenanceOrder.blank-in-name': '/node',
  'MaintenanceOrder.no-box': '/node',
  'MemberChange.unknown-role': '/role',
  'MemberChange.address-without-port': '/address',
  'MembersDocument.king': '/members/0/role',
  'MembersDocument.negative-lag': '/members/0/behind',
  'KvTransaction.does-nothing': '/operations',
  'KvTransaction.unknown-operation': '/operations/0/type',
  'NodesDocument.negative-age': '/nodes/0/healthAgeSeconds',
  'NodesDocument.no-name': '/nodes/1/name',
  'PipeRequest.negative-id': '/id',
  'PipeRequest.no-method': '/method',
  'Placement.negative-epoch': '/epoch',
  'Placement.unknown-class': '/class',
  'PlacementProblem.negative-memory': '/nodes/0/capacity/memoryMiB',
  'PlacementProblem.no-seed': '/limits/seed',
  'PlacementProblem.risk-above-one': '/nodes/0/health/risk',
  'PlacementProblem.unknown-class': '/workloads/0/classes/0',
  'PlacementProblem.unknown-key': '/nodes/0/gpus',
  'PlacementsDocument.no-revision': '/revision',
  'PlacementsDocument.unknown-class': '/placements/0/class',
  'Plan.bad-hash': '/hash',
  'Plan.replica-out-of-range': '/assignments/0/replica',
  'Plan.unknown-reason': '/unplaced/0/reasons/0/misfits/0/code',
  'Plan.unknown-term': '/objective/terms/0/name',
  'ProblemDetails.no-code': '/code',
  'ProblemDetails.status-of-success': '/status',
  'StatusDocument.negative-term': '/consensus/term',
  'StatusDocument.unknown-mode': '/authority/mode',
  'TopologyDocument.device-without-sources': '/devices/0/delivers',
  'TopologyDocument.link-without-bandwidth': '/links/0/mbps',
  'TopologyDocument.negative-memory': '/capacity/memoryMiB',
  'UplinkAnswer.intent-of-no-revision': '/intent',
  'UplinkAnswer.log-missing': '/log',
  'UplinkAnswer.unknown-verdict': '/verdicts/0/verdict',
  'UplinkReport.node-name-with-blank': '/placements/0/node',
  'UplinkReport.site-without-boxes': '/nodes',
  'UplinkReport.unknown-mode': '/authority/mode',
  'WorkloadFile.artefact-outside-its-directory': '/workloads/0/artefacts/0/name',
  'WorkloadFile.memory-missing': '/workloads/0/resources/memoryMiB',
  'WorkloadFile.misspelt-key': '/workloads/0/replica',
  'WorkloadFile.no-replicas': '/workloads/0/replicas',
  'WorkloadFile.no-workloads': '/workloads',
  'WorkloadFile.runs-never': '/workloads/1/perHour',
  'WorkloadFile.short-digest': '/workloads/0/artefacts/0/sha256',
  'WorkloadFile.unknown-kind': '/workloads/0/kind',
  'WorkloadFile.upper-case-name': '/workloads/0/name',
  'WorkloadsDocument.no-replicas-wanted': '/workloads/0/wanted',
  'WorkloadsDocument.unknown-kind': '/workloads/0/kind',
};

interface Example {
  readonly name: string;
  readonly kind: DocumentKind;
  readonly bytes: Buffer;
}

function load(folder: 'valid' | 'invalid'): readonly Example[] {
  const kinds = new Set(loadSchemas().keys());
  return readdirSync(new URL(folder, examples))
    .sort()
    .map((file) => {
      const [, name, kind] = /^((\w+)\.[a-z0-9-]+)\.json$/.exec(file) ?? [];
      assert.ok(
        name !== undefined && kind !== undefined && kinds.has(kind),
        `${file} is to be called <title of a schema>.<what-it-shows>.json`,
      );
      return { name, kind: kind as DocumentKind, bytes: readFileSync(new URL(`${folder}/${file}`, examples)) };
    });
}

describe('examples', () => {
  const valid = load('valid');
  const invalid = load('invalid');

  for (const { name, kind, bytes } of valid) {
    it(`D1: ${name} is accepted`, () => {
      assert.deepEqual(parseDocument(kind, bytes, 1024 * 1024), { ok: true, value: JSON.parse(bytes.toString()) });
    });
  }

  for (const { name, kind, bytes } of invalid) {
    it(`D1: ${name} is refused, and ${pointers[name]} named`, () => {
      const parsed = parseDocument(kind, bytes, 1024 * 1024);
      assert.ok(!parsed.ok);
      assert.ok(parsed.problems.length > 0);
      assert.equal(parsed.problems[0]?.pointer, pointers[name]);
    });
  }

  it('D1: every invalid example has the place of its fault here, and every schema has examples of both kinds', () => {
    assert.deepEqual(Object.keys(pointers).sort(), invalid.map(({ name }) => name).sort());
    for (const kind of loadSchemas().keys()) {
      // Parts of the others, no document.
      if (kind === 'Common') continue;
      assert.ok(
        valid.some((example) => example.kind === kind),
        `a valid ${kind}`,
      );
      assert.ok(invalid.filter((example) => example.kind === kind).length >= 2, `two invalid ${kind}`);
    }
  });

  it('D1: a document that is too long is refused before it is parsed', () => {
    const parsed = parseDocument('HealthDocument', Buffer.from('{'.repeat(101)), 100);
    assert.deepEqual(parsed, { ok: false, problems: [{ pointer: '', message: 'is 101 bytes long, 100 are allowed' }] });
  });

  it('D1: bytes that are not UTF-8 are refused', () => {
    assert.ok(!parseDocument('HealthDocument', Uint8Array.of(0x22, 0xff, 0x22), 100).ok);
  });
});
