/** The first line of an error's message that says something, not too long for a cell. */
export function firstLine(error: unknown): string {
  const { message } = error as Error;
  const line = message.split('\n').find((text) => text.trim() !== '') ?? 'no reason given';
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
