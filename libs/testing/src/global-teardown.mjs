/** Stops what global-setup.mjs started and removes its data. */
export default async function stop() {
  await globalThis.stopTestInfrastructure?.();
}
