"Right answers to the exercises, as other people would write them: a module for each table, with a dict REWRITINGS."
