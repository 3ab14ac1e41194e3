export * from './allergy.js';
export * from './date-time.js';
export * from './envelope.js';
export * from './order.js';
export * from './order-reply.js';
export type { OrderControl } from './order-control.js';
export * from './patient.js';
export * from './report-in.js';
export * from './report-out.js';
