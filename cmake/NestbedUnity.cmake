# Compiling a folder's sources as one.

# nestbed_compile_folders_at_once(target source...): those sources of the target that stand in one
# folder are compiled together: headers, and what is instantiated of their templates, take more than
# half of the time otherwise. A source with a local name of a neighbor's is not for this.
function(nestbed_compile_folders_at_once target)
  foreach(source IN LISTS ARGN)
    get_filename_component(folder ${source} DIRECTORY)
    get_filename_component(folder ${folder} NAME)
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder})
  endforeach()
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${NESTBED_UNITY} UNITY_BUILD_MODE GROUP)
endfunction()
