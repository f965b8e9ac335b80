/** Remaining time of a task: when to warn, and in what words. Pure; times in seconds. */

import { msg } from "./messages.js";

export type Urgency = "calm" | "soon" | "now" | "over";

const SOON_S = 300;
const NOW_S = 60;

/** How urgent a task is. With a short limit the warnings come later, or they would be there all the time. */
export function urgency(remainingS: number, limitS: number): Urgency {
  if (remainingS <= 0) return "over";
  if (remainingS <= Math.min(NOW_S, limitS / 4)) return "now";
  if (remainingS <= Math.min(SOON_S, limitS / 2)) return "soon";
  return "calm";
}

/** `1:02:03`, `12:34`, `0:05`. */
export function clockText(remainingS: number): string {
  const total = Math.max(0, Math.ceil(remainingS));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

/** `5 minutes`, `90 seconds`, `1 hour 30 minutes`: for sentences and screen readers. */
export function durationText(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const unit = msg();
  if (total < 120) return unit.seconds(total);
  const hours = Math.floor(total / 3600);
  const minutes = Math.round((total - hours * 3600) / 60);
  if (hours >= 48) return unit.days(Math.round(total / 86400));
  if (hours === 0) return unit.minutes(minutes);
  return minutes === 0 ? unit.hours(hours) : unit.together(unit.hours(hours), unit.minutes(minutes));
}
