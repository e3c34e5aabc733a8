#error "a header of the project, for one of the runtime"
