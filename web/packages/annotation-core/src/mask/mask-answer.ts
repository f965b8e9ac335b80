/** From a painted mask to the documented answers. Keys are written in sorted order; every call gives fresh objects. */

import { toBase64 } from "./base64.js";
import type { MaskDocument } from "./mask-document.js";

interface MaskAnswer {
  initialValueModified?: boolean;
  inputImageProperties: { height: number; width: number };
  labeledImage: { pngImageData: string };
}

export interface SemanticSegmentationAnswer extends MaskAnswer {
  labelMappings: Record<string, { color: string }>;
}

export interface InstanceSegmentationAnswer extends MaskAnswer {
  instances: { color: string; label: string }[];
}

function shared(document: MaskDocument): MaskAnswer {
  const { isModified } = document;
  const { width, height } = document.size;
  return {
    ...(isModified !== null && { initialValueModified: isModified }),
    inputImageProperties: { height, width },
    // Before the image is there, there is no picture of its size either.
    labeledImage: { pngImageData: width ? toBase64(document.encode()) : "" },
  };
}

/** Only labels that occur in the mask are listed, in the order of `labels`. */
export function semanticSegmentationAnswer(document: MaskDocument): SemanticSegmentationAnswer {
  const { labeledImage, ...rest } = shared(document);
  const labelMappings: Record<string, { color: string }> = {};
  const order = [...document.used].sort((a, b) => document.labels.indexOf(a.label) - document.labels.indexOf(b.label));
  for (const { label, color } of order) {
    // defineProperty: a label may be called "__proto__", and must then be a key like any other.
    Object.defineProperty(labelMappings, label, {
      value: { color },
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return { ...rest, labelMappings, labeledImage };
}

/** Only instances with pixels are listed, in the order in which they were added. */
export function instanceSegmentationAnswer(document: MaskDocument): InstanceSegmentationAnswer {
  const { initialValueModified, ...rest } = shared(document);
  return {
    ...(initialValueModified !== undefined && { initialValueModified }),
    inputImageProperties: rest.inputImageProperties,
    instances: document.used.map(({ color, label }) => ({ color, label })),
    labeledImage: rest.labeledImage,
  };
}
