// The types of ports.mjs, for TypeScript; the meaning is said there.
export function freePort(): Promise<number>;
export function freePorts(count: 1): Promise<[number]>;
export function freePorts(count: 2): Promise<[number, number]>;
export function freePorts(count: 3): Promise<[number, number, number]>;
export function freePorts(count: number): Promise<number[]>;
export function isFree(port: number): Promise<boolean>;
export function answers(port: number, host?: string): Promise<boolean>;
export function refuseTakenPorts(wanted: { port: number; variable: string; use: string }[]): Promise<void>;
