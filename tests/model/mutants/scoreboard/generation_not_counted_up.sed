# a request has the generation of the one before
s/++mine\.generation;/mine.generation = 1;/
