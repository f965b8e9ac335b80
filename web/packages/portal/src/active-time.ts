/**
 * Active time on a task: the clock runs while something happens and stops a minute after the last sign of
 * life, or at once when the page is hidden. Pure; the caller says what time it is, in seconds.
 */
export class ActiveTime {
  static readonly IDLE_S = 60;

  #totalS = 0;
  #lastS: number | null;

  constructor(nowS: number) {
    this.#lastS = nowS;
  }

  /** The worker did something; also starts the clock again after `hide`. */
  touch(nowS: number): void {
    this.#totalS = this.total(nowS);
    this.#lastS = nowS;
  }

  /** The page went out of sight. */
  hide(nowS: number): void {
    this.#totalS = this.total(nowS);
    this.#lastS = null;
  }

  /** Active seconds so far. */
  total(nowS: number): number {
    if (this.#lastS === null) return this.#totalS;
    return this.#totalS + Math.min(Math.max(0, nowS - this.#lastS), ActiveTime.IDLE_S);
  }
}
