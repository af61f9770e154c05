"""Gives an SMT-LIB script on stdin to one solver, named as the argument: z3 or cvc5. Prints its answers."""

import sys


def z3(script):
    import z3 as solver

    print(solver.Z3_eval_smtlib2_string(solver.main_ctx().ref(), script), end="")


def cvc5(script):
    import cvc5 as solver

    session = solver.Solver()
    session.setOption("incremental", "true")
    parser = solver.InputParser(session)
    parser.setStringInput(solver.InputLanguage.SMT_LIB_2_6, script, "laws.smt2")
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        print(command.invoke(session, symbols), end="")


if __name__ == "__main__":
    {"z3": z3, "cvc5": cvc5}[sys.argv[1]](sys.stdin.read())
