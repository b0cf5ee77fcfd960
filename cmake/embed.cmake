# Writes the files of a folder as a C table: cmake -DROOT=... -DOUT=... -P embed.cmake
file(GLOB files RELATIVE ${ROOT} ${ROOT}/*.yml ${ROOT}/keys/*.pem)
list(SORT files)
set(arrays "")
set(rows "")
set(n 0)
foreach(file ${files})
    file(READ ${ROOT}/${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,){16})" "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "static const unsigned char file_${n}[] = {\n    ${bytes}\n};\n\n")
    string(APPEND rows "    { \"${file}\", file_${n}, sizeof file_${n} },\n")
    math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "/* Made by cmake/embed.cmake from profiles/. */
#include \"tools/profile.h\"

${arrays}const struct td_builtin_file td_builtin_files[] = {
${rows}    { NULL, NULL, 0 },
};
")
