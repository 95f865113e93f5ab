import assert from 'node:assert/strict';
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import { EventRing } from '../../../agent/status/event-ring.ts';
import { streamsMax } from '../../../agent/status/event-stream.ts';
import { Served } from './served.ts';

/** A reader of /v1/events. Reads nothing while it is paused. */
class Reader {
  text = '';
  ended = false;
  status = 0;
  readonly #call: ReturnType<typeof httpRequest>;
  #response: IncomingMessage | undefined;
  #paused = false;

  constructor(socketPath: string, options: RequestOptions = {}) {
    this.#call = httpRequest({ socketPath, path: '/v1/events', agent: new Agent(), ...options }, (response) => {
      this.#response = response;
      this.status = response.statusCode ?? 0;
      if (this.#paused) response.pause();
      response.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        this.ended = true;
      });
    });
    this.#call.on('error', () => {
      this.ended = true;
    });
    this.#call.end();
  }

  get ids(): readonly number[] {
    return [...this.text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  }

  pause(): void {
    this.#paused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#response?.resume();
  }

  async sees(what: string, holds: (reader: Reader) => boolean): Promise<void> {
    await until(what, 10_000, async () => (holds(this) ? done(true) : notYet(`${this.status} ${this.text.slice(-200)}`)), { everyMs: 5 });
  }

  end(): void {
    this.#call.destroy();
  }
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('EventRing', () => {
  it('D4: keeps the newest, and says when older ones are gone', () => {
    const ring = new EventRing(() => 0, { capacity: 3 });
    assert.deepEqual([ring.gapAfter(0), ring.gapAfter(1), ring.next(0)], [false, true, undefined]);
    for (const type of ['a', 'b', 'c', 'd']) ring.add(type, {});
    assert.deepEqual([ring.oldestId, ring.lastId], [2, 4]);
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5].map((id) => ring.gapAfter(id)),
      [true, false, false, false, false, true],
    );
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((id) => ring.next(id)?.type),
      ['b', 'b', 'c', 'd', undefined],
    );
  });

  it('D4: an id of an earlier run of the agent is a gap, never taken for one of this run', () => {
    const former = new EventRing(() => 0, { run: 1 });
    const ring = new EventRing(() => 0, { run: 2 });
    for (let i = 0; i < 5; i += 1) former.add('a', {});
    for (let i = 0; i < 9; i += 1) ring.add('a', {});
    assert.ok(ring.gapAfter(former.lastId));
    assert.ok(former.gapAfter(ring.lastId));
  });
});

describe('events over HTTP', () => {
  const served = new Served();
  const ring = served.agent.events;
  const readers: Reader[] = [];
  const read = (options?: RequestOptions): Reader => {
    const reader = new Reader(served.socket, options);
    readers.push(reader);
    return reader;
  };
  const add = (count: number, facts: object = {}): void => {
    for (let i = 0; i < count; i += 1) ring.add('kv.changed', facts);
  };
  before(() => served.start());
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.end();
  });
  after(() => served.stop());

  it('D4: begin with what happens next, one by one', async () => {
    add(3);
    const reader = read();
    await reader.sees('that it watches', ({ text }) => text.startsWith(': watching\n\n'));
    ring.add('kv.changed', { key: 'line\nbreak', revision: 4 });
    await reader.sees('the event', ({ ids }) => ids.length === 1);
    assert.match(
      reader.text,
      /\nid: 4\nevent: kv\.changed\ndata: \{"id":4,"type":"kv\.changed","at":1,"facts":\{"key":"line\\nbreak","revision":4\}\}\n\n$/,
    );
  });

  it('D4: are resumed after the last one seen, by header or query; 0 is all that are kept', async () => {
    const { lastId } = ring;
    for (const options of [{ headers: { 'last-event-id': String(lastId - 2) } }, { path: `/v1/events?after=${lastId - 2}` }]) {
      const reader = read(options);
      await reader.sees('two events', ({ ids }) => ids.length === 2);
      assert.deepEqual(reader.ids, [lastId - 1, lastId]);
      assert.doesNotMatch(reader.text, /too-old/);
    }
    const all = read({ path: '/v1/events?after=0' });
    await all.sees('all of them', ({ ids }) => ids.length === lastId);
    const future = read({ path: `/v1/events?after=${lastId + 5}` });
    await future.sees('that it is mistaken', ({ text }) => text.includes('event: too-old\n'));
  });

  it('D4: an id that is none is refused', async () => {
    for (const [path, headers] of [
      ['/v1/events', { 'last-event-id': 'abc' }],
      ['/v1/events?after=-1', {}],
    ] as const) {
      const { status, text } = await served.ask(path, { headers });
      assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [400, 'QUERY_INVALID']);
    }
  });

  it('D4: a full ring of long events reaches whoever asks for all of it', async () => {
    add(1000, { key: 'k'.repeat(2000) });
    const { lastId } = ring;
    const reader = read({ path: '/v1/events?after=0' });
    await reader.sees('the newest', ({ ids }) => ids.at(-1) === lastId);
    assert.deepEqual(reader.ids, upTo(lastId - 999, lastId));
    const late = read({ headers: { 'last-event-id': '1' } });
    await late.sees('the newest', ({ ids }) => ids.at(-1) === lastId);
    assert.match(late.text, /^: watching\n\nevent: too-old\ndata: .*read the documents again/);
  });

  it('D4: a reader that pauses holds no memory of the agent, and goes on where it was', async () => {
    const reader = read();
    await reader.sees('that it watches', ({ text }) => text !== '');
    reader.pause();
    const from = ring.lastId + 1;
    add(900, { key: 'k'.repeat(2000) });
    reader.resume();
    await reader.sees('all', ({ ids }) => ids.at(-1) === ring.lastId);
    assert.deepEqual(reader.ids, upTo(from, ring.lastId));
  });

  it('D4: a reader the ring has left behind is cut off, the others are not', async () => {
    const slow = read();
    const quick = read();
    for (const reader of [slow, quick]) await reader.sees('that it watches', ({ text }) => text !== '');
    slow.pause();
    const from = ring.lastId + 1;
    for (let round = 0; round < 40; round += 1) {
      add(100, { key: 'k'.repeat(2000) });
      const { lastId } = ring;
      await quick.sees('all so far', ({ ids }) => ids.at(-1) === lastId);
    }
    slow.resume();
    await slow.sees('its end', ({ ended }) => ended);
    const seen = slow.ids;
    assert.ok((seen.at(-1) ?? 0) < ring.lastId);
    assert.deepEqual(seen, upTo(from, seen.at(-1) ?? 0), 'without a gap until then');
    assert.deepEqual(quick.ids, upTo(from, ring.lastId));
  });

  it('D4: are read by so many at a time; a place is free again when one goes', async () => {
    const all = Array.from({ length: streamsMax }, () => read());
    for (const reader of all) await reader.sees('that it watches', ({ text }) => text !== '');
    const { status, text } = await served.ask('/v1/events');
    assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [503, 'TOO_MANY_STREAMS']);
    all[0]?.end();
    await until('a place is free', 5000, async () => {
      const next = read();
      await next.sees('an answer', (reader) => reader.status !== 0);
      return next.status === 200 ? done(true) : notYet(String(next.status));
    });
  });
});
