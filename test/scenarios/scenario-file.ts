/** One block: what is commanded, and what it prints. */
export interface Block {
  /** Comments and blank lines before the commands, kept as they are. */
  readonly lead: readonly string[];
  readonly commands: readonly string[];
  readonly output: readonly string[];
}

/** A scenario file: comments, then blocks of commands, `----`, output, and a blank line. */
export function parseScenario(text: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  let at = 0;
  while (at < lines.length) {
    const lead: string[] = [];
    while (at < lines.length && (lines[at] === '' || lines[at]?.startsWith('#'))) lead.push(lines[at++] ?? '');
    const commands: string[] = [];
    while (at < lines.length && lines[at] !== '----' && lines[at] !== '') commands.push(lines[at++] ?? '');
    const output: string[] = [];
    if (lines[at] === '----') {
      at += 1;
      while (at < lines.length && lines[at] !== '') output.push(lines[at++] ?? '');
    }
    if (commands.length > 0) blocks.push({ lead, commands, output });
  }
  return blocks;
}

/** The file again, each block with the output it printed now. */
export function formatScenario(blocks: readonly Block[], outputs: readonly (readonly string[])[]): string {
  const parts = blocks.map((block, at) => {
    const lead = block.lead.join('\n').replace(/^\n+/, '').replace(/\n+$/, '');
    return [...(lead === '' ? [] : [lead]), ...block.commands, '----', ...(outputs[at] ?? [])].join('\n');
  });
  return `${parts.join('\n\n')}\n`;
}

/** What the scenario shows: its first comment, which is a sentence. */
export function titleOf(text: string): string {
  const comment: string[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('#')) break;
    comment.push(line.slice(1).trim());
  }
  return comment.join(' ');
}
