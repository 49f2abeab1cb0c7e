/** Words that a network's `settled` has in one text, with blanks between them; none for what is not there. */
export function settledWords(text = ''): string[] {
  return text.split(' ').filter((word) => word !== '');
}
