export function bundle(from: string): Promise<string>;
export function functionBundle(from: string, name: string, notice: string): Promise<string>;
export function pageWithScript(from: string, script: string): Promise<string>;
