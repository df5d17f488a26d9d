/** Numbers in seven bits a byte, the lowest first (LEB128). */

export function pushVarint(into: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) into.push((rest % 0x80) | 0x80);
  into.push(rest);
}

export function readVarint(bytes: Uint8Array, start: number): [value: number, after: number] {
  let value = 0;
  let scale = 1;
  let at = start;
  for (; bytes[at]! > 0x7f; at++) {
    value += (bytes[at]! & 0x7f) * scale;
    scale *= 0x80;
  }
  return [value + bytes[at]! * scale, at + 1];
}
