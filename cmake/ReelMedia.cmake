# reel_add_media(TARGET): the files of pipeline/media, with FFmpeg, OpenCV and the libraries of picture files or, with
# REEL_WITH_MEDIA=OFF, without.
# What needs them is chosen here by file, so that the sources have no #ifdef.
function(reel_add_media target)
  set(folder ${CMAKE_SOURCE_DIR}/pipeline/media)
  target_sources(${target} PRIVATE
    ${folder}/container_file.cpp ${folder}/frame_buffer.cpp ${folder}/frame_range.cpp ${folder}/frame_rate.cpp
    ${folder}/frame_writer.cpp
    ${folder}/output_plan.cpp ${folder}/output_target.cpp ${folder}/pictures/palette.cpp ${folder}/pictures/picture_file.cpp
    ${folder}/pictures/png_file.cpp ${folder}/video_reader.cpp ${folder}/video_writer.cpp ${folder}/y4m/y4m_reader.cpp
    ${folder}/y4m/y4m_writer.cpp
    ${folder}/stills/byte_reader.cpp ${folder}/stills/tiff_directory.cpp ${folder}/stills/orientation.cpp
    ${folder}/stills/formats/bmp_still.cpp ${folder}/stills/foreign_file.cpp ${folder}/stills/formats/gif_still.cpp ${folder}/stills/formats/pnm_still.cpp
    ${folder}/stills/read_picture.cpp)
  if(NOT REEL_WITH_MEDIA)
    target_sources(${target} PRIVATE ${folder}/no_media.cpp)
    return()
  endif()

  find_package(PkgConfig REQUIRED)
  pkg_check_modules(LIBAV IMPORTED_TARGET libavformat>=59 libavcodec>=59 libavutil>=57 libswscale>=6)
  pkg_check_modules(STILLS IMPORTED_TARGET libjpeg libpng libtiff-4 libwebp)
  find_package(OpenCV COMPONENTS core imgcodecs)
  if(NOT LIBAV_FOUND OR NOT OpenCV_FOUND OR NOT STILLS_FOUND)
    message(FATAL_ERROR "REEL_WITH_MEDIA needs FFmpeg 5 or later (libavformat, libavcodec, libavutil, libswscale), OpenCV 4 "
                        "(core, imgcodecs), libjpeg, libpng, libtiff and libwebp; on Debian: apt-get install libavformat-dev "
                        "libavcodec-dev libavutil-dev libswscale-dev libopencv-dev libjpeg-dev libpng-dev libtiff-dev "
                        "libwebp-dev. "
                        "Or configure with -DREEL_WITH_MEDIA=OFF.")
  endif()
  target_sources(${target} PRIVATE
    ${folder}/libav/colour_convert.cpp ${folder}/libav/decoder.cpp ${folder}/libav/encoders.cpp ${folder}/libav/gif_writer.cpp
    ${folder}/libav/libav.cpp ${folder}/libav/libav_writer.cpp ${folder}/libav/media_reader.cpp ${folder}/libav/muxer.cpp
    ${folder}/pictures/picture_reader.cpp ${folder}/pictures/png_writer.cpp
    ${folder}/stills/formats/coded_formats.cpp ${folder}/stills/formats/jpeg_still.cpp ${folder}/stills/formats/tiff_still.cpp
    ${folder}/stills/formats/png_still.cpp ${folder}/stills/formats/webp_still.cpp)
  target_link_libraries(${target} PRIVATE PkgConfig::LIBAV PkgConfig::STILLS opencv_core opencv_imgcodecs)
endfunction()
