# Writes the files of a folder as a C table of rows { path, bytes, length }:
# cmake -DROOT=... -DFILES=GLOB|GLOB -DHEADER=... -DTYPE=... -DNAME=... -DOUT=... -P embed.cmake
string(REPLACE "|" ";" globs "${FILES}")
list(TRANSFORM globs PREPEND ${ROOT}/)
file(GLOB files RELATIVE ${ROOT} ${globs})
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
file(WRITE ${OUT} "/* Made by cmake/embed.cmake from ${ROOT}. */
#include \"${HEADER}\"

${arrays}const struct ${TYPE} ${NAME}[] = {
${rows}    { NULL, NULL, 0 },
};
")
