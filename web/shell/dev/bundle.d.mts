export const kSwitches: string[];
export function bundleStates(out: string): Promise<string>;
