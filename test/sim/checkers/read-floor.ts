import type { RaftView } from '../../../consensus/core/raft.ts';
import type { Observer } from '../observer.ts';
import type { SimNode } from '../sim-node.ts';
import { Violation } from './violation.ts';

/** A read is served at an index at least as high as anybody knew to be committed when it began (Raft thesis, section 6.4). */
export class ReadFloor implements Observer {
  #committed = 0;
  readonly #floors = new Map<number, number>();

  begun(operation: number): void {
    this.#floors.set(operation, this.#committed);
  }

  readProved(node: SimNode, requestId: number, index: number): void {
    const floor = this.#floors.get(requestId) ?? 0;
    this.#floors.delete(requestId);
    if (index < floor)
      throw new Violation('Read index: before what was committed when the read began', { node: node.id, requestId, index, floor });
  }

  settled(_node: SimNode, view: RaftView | undefined): void {
    if (view !== undefined && view.commitIndex > this.#committed) this.#committed = view.commitIndex;
  }
}
