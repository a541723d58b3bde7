# reel_add_text_libraries(TARGET): PCRE2 and SentencePiece, which tokenizers use. A header and a library each, wherever CMake
# looks: CMAKE_PREFIX_PATH may name a folder of your own with include/ and lib/. Archives (.a) are linked if there is no
# shared library, or with REEL_STATIC_TEXT.
option(REEL_STATIC_TEXT "Link PCRE2 and SentencePiece from archives, so that the program needs neither where it runs" OFF)

function(reel_find_text_library variable header name debian)
  set(names ${name})
  if(REEL_STATIC_TEXT)
    set(names ${CMAKE_STATIC_LIBRARY_PREFIX}${name}${CMAKE_STATIC_LIBRARY_SUFFIX})
  endif()
  find_path(${variable}_INCLUDE ${header})
  find_library(${variable}_LIBRARY NAMES ${names})
  if(NOT ${variable}_INCLUDE OR NOT ${variable}_LIBRARY)
    message(FATAL_ERROR "reel needs ${header} and the library ${names}; on Debian: apt-get install ${debian}. If you built them "
                        "yourself, name their folder: -DCMAKE_PREFIX_PATH=FOLDER, with include/ and lib/ in it.")
  endif()
endfunction()

function(reel_add_text_libraries target)
  reel_find_text_library(REEL_PCRE2 pcre2.h pcre2-8 libpcre2-dev)
  reel_find_text_library(REEL_SENTENCEPIECE sentencepiece_processor.h sentencepiece libsentencepiece-dev)
  target_include_directories(${target} SYSTEM PRIVATE ${REEL_PCRE2_INCLUDE} ${REEL_SENTENCEPIECE_INCLUDE})
  target_link_libraries(${target} PRIVATE ${REEL_PCRE2_LIBRARY} ${REEL_SENTENCEPIECE_LIBRARY})
endfunction()
