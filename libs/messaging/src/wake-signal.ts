/** Lets a worker sleep until there is work: woken at once in this process, or after its polling time for others' work. */
export class WakeSignal {
  private wakeUp?: () => void;
  private pending = false;

  /** Says that there is work now. */
  wake(): void {
    this.pending = true;
    this.wakeUp?.();
  }

  /** Resolves when woken, or after `ms`; at once if woken since the last wait. */
  async wait(ms: number): Promise<void> {
    if (!this.pending)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.wakeUp = undefined;
    this.pending = false;
  }
}
