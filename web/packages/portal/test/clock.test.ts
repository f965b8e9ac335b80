import { describe, expect, it } from "vitest";

import { ActiveTime } from "../src/active-time.js";
import { clockText, durationText, urgency } from "../src/clock.js";

describe("remaining time", () => {
  it("warns at five minutes and at one minute", () => {
    expect([301, 300, 61, 60, 1, 0].map((s) => urgency(s, 3600))).toEqual([
      "calm",
      "soon",
      "soon",
      "now",
      "now",
      "over",
    ]);
  });

  it("warns later when the whole limit is short", () => {
    expect(urgency(29, 30)).toBe("calm");
    expect(urgency(7, 30)).toBe("now");
  });

  it("shows hours only when there are some", () => {
    expect([0, 4.2, 65, 3600, 7384].map(clockText)).toEqual(["0:00", "0:05", "1:05", "1:00:00", "2:03:04"]);
  });

  it("says durations in words", () => {
    expect([1, 90, 300, 3600, 5400, 259200].map(durationText)).toEqual([
      "1 second",
      "90 seconds",
      "5 minutes",
      "1 hour",
      "1 hour 30 minutes",
      "3 days",
    ]);
  });
});

describe("active time", () => {
  it("runs while the worker is active and stops a minute after the last sign of life", () => {
    const time = new ActiveTime(100);
    time.touch(130);
    expect(time.total(150)).toBe(50);
    expect(time.total(1000)).toBe(90);
    time.touch(1000);
    expect(time.total(1010)).toBe(100);
  });

  it("stands still while the page is hidden", () => {
    const time = new ActiveTime(0);
    time.hide(10);
    expect(time.total(500)).toBe(10);
    time.touch(500);
    expect(time.total(505)).toBe(15);
  });
});
