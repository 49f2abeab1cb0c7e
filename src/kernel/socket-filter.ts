/** Programs for the kernel's socket filter (linux/filter.h). */

/** What an instruction does: BPF_LD, BPF_LDX, BPF_JMP and BPF_RET in the forms that are needed here. Numbers are read as big-endian. */
export const FILTER = { LOAD_BYTE: 0x30, LOAD_HALF: 0x28, LOAD_HALF_BEHIND: 0x48, LOAD_HEADER_LENGTH: 0xb1, EQUAL: 0x15, ANY_BIT: 0x45, RETURN: 0x06, ALL: 0x40000 } as const;

/** One instruction: code, how many to skip when true and when false, value. */
export type FilterStep = readonly [code: number, whenTrue: number, whenFalse: number, value: number];

/** An array of struct sock_filter. */
export function filterProgram(steps: readonly FilterStep[]): Buffer {
  const bytes = Buffer.alloc(steps.length * 8);
  for (const [index, [code, whenTrue, whenFalse, value]] of steps.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.set([whenTrue, whenFalse], index * 8 + 2);
    bytes.writeUInt32LE(value, index * 8 + 4);
  }
  return bytes;
}
