/** `npm run retrain -- FILE... --name NAME`: `--help` says what it does. */
import { retrainCommand } from '../src/cli/retrain.ts';
import { checked, runProgram } from '../src/cli/run.ts';

process.exit(await runProgram(checked(retrainCommand()), process.argv.slice(2)));
