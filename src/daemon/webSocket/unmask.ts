/** Below this a loop over bytes is faster than looking for whole words. */
const short = 16;

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Takes the mask off bytes, in place: `bytes[i] ^= key[i & 3]` (RFC 6455, 5.3), four bytes at a time where they lie
 * right. A payload of samples is mostly this: a loop over bytes takes nine times as long.
 *
 * @param words all of the memory that `bytes` is a part of, as words
 * @param key the four bytes of the mask as a little-endian number
 */
export function unmask(bytes: Uint8Array, words: Uint32Array, key: number): void {
  const { length, byteOffset } = bytes;
  let i = 0;
  if (length >= short && littleEndian) {
    // Up to the first whole word; from there on the key begins with the byte that is due.
    const first = (4 - (byteOffset & 3)) & 3;
    for (; i < first; i++) bytes[i] = bytes[i]! ^ (key >>> (8 * i));
    const turned = first === 0 ? key : (key >>> (8 * first)) | (key << (32 - 8 * first));
    const from = (byteOffset + first) >> 2;
    const count = (length - first) >> 2;
    const to = Math.min(from + count, words.length);
    for (let w = from; w < to; w++) words[w] = words[w]! ^ turned;
    i = first + 4 * (to - from);
  }
  for (; i < length; i++) bytes[i] = bytes[i]! ^ (key >>> (8 * (i & 3)));
}
