/** Returns the address of the page. */
export function makeStates(out: string): Promise<string>;
