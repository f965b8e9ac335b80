/** Long work in short slices, so that the page stays quick while it runs. */

/** The page gets its turn after so many milliseconds. */
const SLICE_MS = 12;

/**
 * Runs a generator to its end and gives what it returns. `isWanted` is asked after each slice; once it says no, the rest
 * is left undone and the result is null. Work that is done within the first slice gives no turn away.
 */
export async function inSlices<T>(
  work: Generator<unknown, T>,
  isWanted: () => boolean = () => true,
): Promise<T | null> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve));
    if (!isWanted()) {
      work.return(undefined as T);
      return null;
    }
  }
}

/** Runs a generator to its end at once. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
