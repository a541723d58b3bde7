# reel_add_media(TARGET): the files of pipeline/media, with FFmpeg and OpenCV or, with REEL_WITH_MEDIA=OFF, without.
# What needs them is chosen here by file, so that the sources have no #ifdef.
function(reel_add_media target)
  set(folder ${CMAKE_SOURCE_DIR}/pipeline/media)
  target_sources(${target} PRIVATE
    ${folder}/container_file.cpp ${folder}/frame_buffer.cpp ${folder}/frame_range.cpp ${folder}/frame_rate.cpp
    ${folder}/frame_writer.cpp
    ${folder}/output_plan.cpp ${folder}/output_target.cpp ${folder}/pictures/palette.cpp ${folder}/pictures/picture_file.cpp
    ${folder}/pictures/png_file.cpp ${folder}/video_reader.cpp ${folder}/video_writer.cpp ${folder}/y4m/y4m_reader.cpp
    ${folder}/y4m/y4m_writer.cpp)
  if(NOT REEL_WITH_MEDIA)
    target_sources(${target} PRIVATE ${folder}/no_media.cpp)
    return()
  endif()

  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBAV IMPORTED_TARGET libavformat>=59 libavcodec>=59 libavutil>=57 libswscale>=6)
  find_package(OpenCV COMPONENTS core imgcodecs)
  if(NOT LIBAV_FOUND OR NOT OpenCV_FOUND)
    message(FATAL_ERROR "REEL_WITH_MEDIA needs FFmpeg 5 or later (libavformat, libavcodec, libavutil, libswscale) and "
                        "OpenCV 4 (core, imgcodecs); on Debian: apt-get install libavformat-dev libavcodec-dev "
                        "libavutil-dev libswscale-dev libopencv-dev. Or configure with -DREEL_WITH_MEDIA=OFF.")
  endif()
  target_sources(${target} PRIVATE
    ${folder}/libav/colour_convert.cpp ${folder}/libav/decoder.cpp ${folder}/libav/encoders.cpp ${folder}/libav/gif_writer.cpp
    ${folder}/libav/libav.cpp ${folder}/libav/libav_writer.cpp ${folder}/libav/media_reader.cpp ${folder}/libav/muxer.cpp
    ${folder}/pictures/picture_reader.cpp ${folder}/pictures/png_writer.cpp)
  target_link_libraries(${target} PRIVATE PkgConfig::LIBAV opencv_core opencv_imgcodecs)
endfunction()
