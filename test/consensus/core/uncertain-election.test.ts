/** Attacks on elections with an uncertain tail: what a voter says in a poll is true of its log as it was then. */
import assert from 'node:assert/strict';
import type { Message } from '../../../consensus/core/messages.ts';
import { Raft } from '../../../consensus/core/raft.ts';
import { defaultTiming, type Entry, type EntryId, logIndex, term, tick } from '../../../consensus/core/types.ts';
import { entriesOf } from './entries.ts';

const id = (inTerm: number, index: number): EntryId => ({ term: term(inTerm), index: logIndex(index) });

/** A box with a quick disk. */
class Box {
  readonly name: string;
  raft: Raft;
  disk: readonly Entry[];
  readonly applied: Entry[] = [];
  #hardState = { term: term(1), votedFor: undefined as string | undefined };
  #now = 0;

  constructor(name: string, uncertain?: EntryId) {
    this.name = name;
    this.disk = entriesOf([1, 1, 1, 1]);
    this.raft = this.#start(uncertain);
  }

  #start(uncertain: EntryId | undefined): Raft {
    return new Raft({
      id: this.name,
      membership: { voters: ['a', 'b', 'c'], learners: [] },
      timing: defaultTiming,
      random: { nextInt: (below) => this.name.charCodeAt(0) % below },
      now: tick(this.#now),
      hardState: this.#hardState,
      entries: this.disk,
      base: { term: term(0), index: logIndex(0) },
      appliedIndex: logIndex(0),
      uncertain,
    });
  }

  /** Dies, and its disk lost everything after entry `kept`, which it had acknowledged. */
  loseAfter(kept: number): void {
    const last = this.disk.at(-1) as Entry;
    this.disk = this.disk.slice(0, kept);
    this.raft = this.#start({ term: last.term, index: last.index });
  }

  pass(ticks: number): readonly Message[] {
    this.#now += ticks;
    this.raft.tick(tick(this.#now));
    return this.give([]);
  }

  /** Takes what is for it, and gives back what it sends. */
  give(messages: readonly Message[]): readonly Message[] {
    for (const message of messages) if (message.to === this.name) this.raft.step(message);
    const sent: Message[] = [];
    while (this.raft.hasReady()) {
      const ready = this.raft.takeReady();
      sent.push(...ready.messages);
      if (ready.save !== undefined) {
        this.#hardState = { ...this.#hardState, ...ready.save.hardState };
        const first = ready.save.entries[0];
        if (first !== undefined) this.disk = [...this.disk.filter(({ index }) => index < first.index), ...ready.save.entries];
        sent.push(...ready.save.messagesAfterSave);
        this.raft.step({ type: 'SAVED', token: ready.save.token });
      }
      this.applied.push(...ready.committed);
      const last = ready.committed.at(-1);
      if (last !== undefined) this.raft.advance(last.index);
    }
    return sent;
  }
}

const ofType = (messages: readonly Message[], type: Message['type']): readonly Message[] =>
  messages.filter((message) => message.type === type);

/** A was elected by B for term 2, but does not know it yet. C has an uncertain tail of old, and polled for term 3; both said yes. */
function polled() {
  const [a, b, c] = [new Box('a'), new Box('b'), new Box('c', id(1, 5))];
  const asked = a.give(b.give(a.pass(60)));
  const vote = b.give(ofType(asked, 'VOTE'));
  c.give(ofType(asked, 'VOTE'));
  const poll = c.pass(120);
  return { a, b, c, vote, answers: { a: a.give(ofType(poll, 'PREVOTE')), b: b.give(ofType(poll, 'PREVOTE')) } };
}

/** A hears that it is elected, and commits with B, whose disk loses it all then. */
function commits({ a, b, vote }: ReturnType<typeof polled>): void {
  let sent = a.give(vote);
  a.raft.propose(1, new TextEncoder().encode('acknowledged'));
  sent = [...sent, ...a.give([])];
  for (let round = 0; round < 6; round += 1) sent = a.give(b.give(sent));
  assert.deepEqual(a.applied.at(-1)?.index, 6, 'the command is committed');
  b.loseAfter(4);
}

describe('elections with an uncertain tail', () => {
  it('K13: an answer to a poll that comes late makes no leader without what was committed since', () => {
    const site = polled();
    const { b, c, answers } = site;
    c.give(answers.b);
    commits(site);
    const asked = c.give(answers.a);
    assert.equal(c.raft.view().role, 'candidate', 'all have answered the poll');
    const votes = b.give(ofType(asked, 'VOTE'));
    assert.ok(
      votes.some((message) => message.type === 'VOTE_REPLY' && message.granted),
      'B forgot',
    );
    c.give(votes);
    assert.equal(c.raft.view().role, 'candidate', 'A has not voted, and does not');
    const refused = site.a.give(ofType(asked, 'VOTE'));
    c.give(refused);
    assert.notEqual(c.raft.view().role, 'leader');
  });

  it('K13: a VOTE that waits for a slow disk makes no leader without what was committed since', () => {
    const site = polled();
    const { b, c, answers } = site;
    for (const message of [...answers.a, ...answers.b]) if (message.to === 'c') c.raft.step(message);
    const { save } = c.raft.takeReady();
    assert.ok(save !== undefined && c.raft.view().role === 'candidate');
    commits(site);
    c.raft.step({ type: 'SAVED', token: save.token });
    const votes = b.give(save.messagesAfterSave);
    assert.ok(
      votes.some((message) => message.type === 'VOTE_REPLY' && message.granted),
      'B forgot',
    );
    c.give(votes);
    assert.equal(c.raft.view().role, 'candidate');
  });

  it('K13: with the votes of all it leads', () => {
    const { a, b, c, answers } = polled();
    const asked = c.give([...answers.a, ...answers.b]);
    c.give(b.give(ofType(asked, 'VOTE')));
    assert.equal(c.raft.view().role, 'candidate');
    c.give(a.give(ofType(asked, 'VOTE')));
    assert.equal(c.raft.view().role, 'leader');
  });
});
