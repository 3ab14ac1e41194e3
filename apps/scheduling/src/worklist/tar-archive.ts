/** One file of an archive, its path with `/`, at most 100 bytes of ASCII. */
export interface ArchivedFile {
  path: string;
  content: Buffer;
}

const BLOCK = 512;

/** A tar archive (POSIX.1-1988 ustar), which every system unpacks; files are readable by their owner and group only. */
export function tarArchive(files: readonly ArchivedFile[], at: Date): Buffer {
  const parts = files.flatMap(({ path, content }) => [
    header(path, content.length, at),
    content,
    Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, length: number, at: Date): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, from: number, width: number) =>
    block.write(value.toString(8).padStart(width - 1, '0'), from, 'latin1');
  block.write(path, 0, 100, 'latin1');
  octal(0o640, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(length, 124, 12);
  octal(Math.floor(at.getTime() / 1000), 136, 12);
  // The checksum is taken with spaces in its own place.
  block.write('        ', 148, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
