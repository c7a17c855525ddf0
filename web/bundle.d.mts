export function bundle(from: string): Promise<string>;
export function pageWithScript(from: string, script: string): Promise<string>;
