/** A text as words to be looked for: small letters and digits, parted by single spaces, with one at each end. */
export function asWords(text: string): string {
  return ` ${text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `;
}

/** True if a text has these words, in any case, not as a part of longer words. */
export function hasWords(text: string, words: string): boolean {
  return asWords(text).includes(asWords(words));
}
