/** What is measured: three nodes on this machine's loopback, each with a data directory of its own and durable writes. */
export interface Connection {
  /** Sets a value, durably. */
  put(key: string, value: string): Promise<void>;
  /** Reads a value, linearizably. Rejects when it is not there. */
  get(key: string): Promise<string>;
  close(): void;
}

export interface Subject {
  readonly name: string;
  /** How its client works, for the note of each figure. */
  readonly client: string;
  /** Starts all three, and resolves once a put succeeds. */
  start(directory: string): Promise<void>;
  /** To the leader; with `survivor` to any other node that runs. */
  connect(survivor?: boolean): Promise<Connection>;
  /** Processes of its nodes. */
  pids(): readonly number[];
  /** SIGKILL of the leader. */
  killLeader(): Promise<void>;
  /** SIGSTOP of the leader. */
  freezeLeader(): Promise<void>;
  /** Starts what was killed, wakes what was stopped, and resolves once all three take part again. */
  restore(): Promise<void>;
  /** SIGKILL of all three. */
  killAll(): Promise<void>;
  /** Starts all three again, and waits for nothing. */
  startAll(): void;
  /** The leader hands over; where that can be asked for. @returns how long it took, in milliseconds */
  transfer?(): Promise<number>;
  stop(): Promise<void>;
}
