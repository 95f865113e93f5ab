/**
 * Few, full segments. The transport writes each piece of a frame on its own, with Nagle's algorithm off: a heartbeat of fifty bytes left
 * in two segments, and the multiplexer answered each with a third. On a metered link, headers are most of what an idle site sends.
 */

import type { Socket } from 'node:net';
import type { MultiaddrConnection, Stream } from '@libp2p/interface';

/** Parts of the transport's connection that carry the bytes. Where a version lacks them everything stays as it is. */
interface WritingConnection {
  socket?: Pick<Socket, 'cork' | 'uncork' | 'write'>;
  sendData?: (data: { readonly byteLength: number; subarray(): Uint8Array }) => { sentBytes: number; canSendMore: boolean };
}

/** From now on what is written in one turn leaves in one write. */
export function joinWrites(connection: MultiaddrConnection): void {
  const writing = connection as unknown as WritingConnection;
  const { socket } = writing;
  if (typeof writing.sendData !== 'function' || typeof socket?.cork !== 'function') return;
  let isCorked = false;
  writing.sendData = (data) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      process.nextTick(() => {
        isCorked = false;
        socket.uncork();
      });
    }
    return { sentBytes: data.byteLength, canSendMore: socket.write(data.subarray()) };
  };
}

/** Parts of the multiplexer's stream that give the far side leave to send more. */
interface WindowedStream {
  recvWindow?: number;
  recvWindowCapacity?: number;
  sendWindowUpdate?: () => void;
}

/** From now on the far side is given leave to send more when half of its leave is used up, not after every frame. */
export function giveLeaveByHalves(stream: Stream): void {
  const windowed = stream as unknown as WindowedStream;
  const { sendWindowUpdate } = windowed;
  if (typeof sendWindowUpdate !== 'function' || typeof windowed.recvWindow !== 'number' || typeof windowed.recvWindowCapacity !== 'number')
    return;
  windowed.sendWindowUpdate = () => {
    const { recvWindow = 0, recvWindowCapacity = 0 } = windowed;
    if (recvWindowCapacity <= recvWindow / 2) sendWindowUpdate.call(stream);
  };
}
