/**
 * The gate with a switch at every check: src/model, built anew with each check inside an `if`, so that a test can see
 * which check refused a file, and what the gate would do without it. The program itself has no such switches.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import type { readModel } from '../../src/model/gate.ts';
import type { readModelFile } from '../../src/model/readModelFile.ts';
import type { trendModel } from '../../src/model/trendModel.ts';
import { root } from '../support/command.ts';

/** The files that check what is in a model file, and the file itself. */
const checking = [
  'boundedParse.ts',
  'gate.ts',
  'kernelsOfGraph.ts',
  'metadata.ts',
  'readModelFile.ts',
  'trendModel.ts',
];

interface Switches {
  /** The check that was come to last: where something was refused, the one that refused it. */
  last: number;
  /** The check that does nothing; -1 is none. */
  off: number;
}

export interface GateWithSwitches {
  readonly switches: Switches;
  /** Every check, as `file:line: its source`. */
  readonly checks: readonly string[];
  readonly readModel: typeof readModel;
  readonly readModelFile: typeof readModelFile;
  readonly trendModel: typeof trendModel;
  dispose(): void;
}

/** @param without text that is taken out of the sources: what is no statement of its own has no switch */
export async function gateWithSwitches(without = ''): Promise<GateWithSwitches> {
  // Below node_modules, so that packages are found from it.
  const dir = mkdtempSync(join(root, 'node_modules/.firtrend-gate-'));
  const checks: string[] = [];
  const switches: Switches = { last: -1, off: -1 };
  const on = (check: number): boolean => {
    switches.last = check;
    return check !== switches.off;
  };
  Object.assign(globalThis, { [seam]: { on } });
  for (const folder of ['dsp', 'model']) {
    mkdirSync(join(dir, folder));
    for (const file of readdirSync(join(root, 'src', folder))) {
      const source = readFileSync(join(root, 'src', folder, file), 'utf8').replace(without, '');
      const watched = folder === 'model' && checking.includes(file);
      const { outputText } = ts.transpileModule(source, {
        fileName: file,
        compilerOptions: {
          target: ts.ScriptTarget.ES2023,
          module: ts.ModuleKind.ESNext,
          rewriteRelativeImportExtensions: true,
        },
        transformers: { before: watched ? [switched(checks)] : [] },
      });
      writeFileSync(join(dir, folder, file.replace('.ts', '.js')), outputText);
    }
  }
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const load = (file: string) => import(pathToFileURL(join(dir, 'model', file)).href);
  const [gate, files, models] = await Promise.all(['gate.js', 'readModelFile.js', 'trendModel.js'].map(load));
  return {
    switches,
    checks,
    readModel: gate.readModel,
    readModelFile: files.readModelFile,
    trendModel: models.trendModel,
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const seam = 'firtrendGateSeam';

/** Puts every check inside `if (seam.on(its number))`. */
function switched(checks: string[]): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const { factory } = context;
    const visit = (node: ts.Node): ts.Node => {
      const inner = ts.visitEachChild(node, visit, context);
      if (!isCheck(node)) return inner;
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      const number =
        checks.push(`${file.fileName}:${line + 1}: ${node.getText(file).replace(/\s+/g, ' ')}`) - 1;
      const on = factory.createPropertyAccessExpression(
        factory.createPropertyAccessExpression(factory.createIdentifier('globalThis'), seam),
        'on',
      );
      const asked = factory.createCallExpression(on, undefined, [factory.createNumericLiteral(number)]);
      return factory.createIfStatement(asked, inner as ts.Statement);
    };
    return ts.visitEachChild(file, visit, context);
  };
}

/** A call of `must` or `check`, or a throw of an error of its own: one in a `catch` only tells what failed before. */
function isCheck(node: ts.Node): boolean {
  if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
    const called = node.expression.expression;
    return ts.isIdentifier(called) && (called.text === 'must' || called.text === 'check');
  }
  if (!ts.isThrowStatement(node) || !ts.isNewExpression(node.expression)) return false;
  const isHelper =
    ts.isIfStatement(node.parent) && ts.findAncestor(node, ts.isFunctionDeclaration)?.name?.text === 'check';
  return !isHelper && ts.findAncestor(node, ts.isCatchClause) === undefined;
}
