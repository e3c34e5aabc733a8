# The page of `nestbed report`: D3, with the licenses of what it consists of, and our own files.

set(how "apt-get install node-d3 has it; or name another with -D")
find_file(NESTBED_D3 d3.min.js PATHS /usr/share/nodejs/d3/dist NO_DEFAULT_PATH
  DOC "D3 5, which draws the page of nestbed report")
if(NOT NESTBED_D3)
  message(FATAL_ERROR "d3.min.js (D3 5) was not found: ${how}NESTBED_D3=FILE.")
endif()
# The bundle is of packages of their own. Of those that are not named here author and license are D3's.
set(NESTBED_D3_LICENSES "" CACHE STRING "Files with the licenses of NESTBED_D3, if it is not Debian's")
if(NOT NESTBED_D3_LICENSES)
  foreach(package d3 d3-array d3-ease d3-scale-chromatic d3-transition d3-voronoi)
    set(file /usr/share/doc/node-${package}/copyright)
    if(NOT EXISTS ${file})
      message(FATAL_ERROR "${file} was not found: ${how}NESTBED_D3_LICENSES=FILE;….")
    endif()
    list(APPEND NESTBED_D3_LICENSES ${file})
  endforeach()
endif()

# A script uses what those before it define.
set(NESTBED_PAGE_FILES ${NESTBED_D3_LICENSES} ${NESTBED_D3})
foreach(name
    page.html page.css
    text.js data.js histogram.js axes.js lazy.js dom.js plot.js cdf.js box.js distributions.js
    heat.js curves.js crossover.js walk.js table.js counts.js derived.js differences.js hosts.js
    notes.js tests.js main.js)
  list(APPEND NESTBED_PAGE_FILES ${PROJECT_SOURCE_DIR}/vmm/page/${name})
endforeach()
