/** A zip archive of one stored file: what CreateFunction takes. Format: PKWARE APPNOTE 4.3. */
import crc32 from 'crc-32';

const VERSION = 20;

export function zipOf(name: string, text: string): Uint8Array {
  const file = Buffer.from(name);
  const content = Buffer.from(text);
  // Version, flags, method 0 (stored), time, date (1980-01-01), checksum, both sizes, lengths of name and extras.
  const common = Buffer.alloc(26);
  common.writeUInt16LE(VERSION, 0);
  common.writeUInt16LE(0x21, 8);
  common.writeInt32LE(crc32.buf(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, file, content]);
  // Made by, the same again, then comment, disk and attributes, and the offset of the local header: all 0.
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\x00', 'latin1'),
    common,
    Buffer.alloc(14),
    file,
  ]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}
