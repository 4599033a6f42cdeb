const quote = 34;
const backslash = 92;

/**
 * Whether JSON text nests at most `most` deep; it is looked at before it is parsed, so that nothing deep is ever built.
 * Text that is not JSON may get either answer: the parser refuses it.
 */
export function isShallow(text: string, most: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // [ and { (91, 123), ] and } (93, 125) differ from each other in one bit.
    if ((code | 32) === 123) {
      if (++depth > most) return false;
    } else if ((code | 32) === 125) {
      depth--;
    } else if (code === quote) {
      i = endOfString(text, i);
      if (i < 0) return true;
    }
  }
  return true;
}

/** The index of the quote that ends the string begun at `from`; -1 where none does. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}
