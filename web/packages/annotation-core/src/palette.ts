/** Label colours. Assigned by the label's position, so that every worker of a job sees the same ones. */

export const BASE_COLORS = [
  "#2ca02c",
  "#1f77b4",
  "#ff7f0e",
  "#d62728",
  "#9467bd",
  "#8c564b",
  "#e377c2",
  "#7f7f7f",
  "#bcbd22",
  "#17becf",
] as const;

const made: string[] = [...BASE_COLORS];
const taken = new Set<string>(made);

/** The colour of the i-th label: the base list, then generated ones; all distinct, never white or black. */
export function paletteColor(index: number): string {
  for (let step = made.length - BASE_COLORS.length; made.length <= index; step++) {
    // The golden angle keeps neighbours in the list far apart in hue; three lightness bands tell the rest apart.
    let color = hslToHex((step * 137.508 + 20) % 360, 0.62, [0.46, 0.62, 0.34][step % 3]!);
    for (let nudge = 1; taken.has(color); nudge++) color = hslToHex((step * 137.508 + 20 + nudge) % 360, 0.5, 0.5);
    taken.add(color);
    made.push(color);
  }
  return made[index]!;
}

/** Colours for `n` labels; `overrides` (the `label-colors` attribute) win where given. */
export function labelColors(n: number, overrides: readonly string[] = []): string[] {
  return Array.from({ length: n }, (_, i) => overrides[i] ?? paletteColor(i));
}

export function hslToHex(hue: number, saturation: number, lightness: number): string {
  const channel = (n: number): string => {
    const k = (n + hue / 30) % 12;
    const value = lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** Black or white, whichever reads better on a `#rrggbb` colour; white on anything that is not one. */
export function textColorOn(color: string): "#000000" | "#ffffff" {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  if (!match) return "#ffffff";
  const [r, g, b] = match.slice(1).map((hex) => {
    const part = parseInt(hex, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000000" : "#ffffff";
}
