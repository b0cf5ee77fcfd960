# What a microcontroller is built from: the device rooms, and the parts of BearSSL and libsodium
# that crypto/ calls, from Debian's source packages (ci/sources.py unpacks them).
#
#   td_device    the device rooms, one archive
#   bearssl      SHA-2, HMAC, HKDF, AES, P-256 and Curve25519 (m31 and m15), P-384 (i31 and i15),
#                RSA's public operation (i31 and i15)
#   sodium       Ed25519 verification, and the group's operations
#
# A port adds its programs with td_firmware(NAME SCRIPT sources...), in a CMakeLists.txt of its
# own under port/, which is read here when the port says that it is for this TD_CPU.

set(TD_SOURCES_DIR ${CMAKE_SOURCE_DIR}/.cache/sources CACHE PATH "unpacked source packages")
set(bearssl_dir ${TD_SOURCES_DIR}/bearssl)
set(sodium_dir ${TD_SOURCES_DIR}/libsodium/src/libsodium)
foreach(dir ${bearssl_dir} ${sodium_dir})
    if(NOT IS_DIRECTORY ${dir})
        message(FATAL_ERROR "${dir} is missing: run ci/sources.py, or make build-arm")
    endif()
endforeach()

# What ci/stack.py adds up to the deepest stack is written beside each object.
set(TD_DEVICE_FLAGS -Os -g -ffreestanding -fbuiltin -ffunction-sections -fdata-sections
    -fstack-usage -fcallgraph-info=su)

# Archives of other people's code. Their warnings are theirs.
file(GLOB bearssl_sources
    ${bearssl_dir}/src/int/i31_*.c ${bearssl_dir}/src/int/i15_*.c
    ${bearssl_dir}/src/int/i32_div32.c
    ${bearssl_dir}/src/hash/sha2small.c ${bearssl_dir}/src/hash/sha2big.c
    ${bearssl_dir}/src/codec/ccopy.c
    ${bearssl_dir}/src/codec/dec32be.c ${bearssl_dir}/src/codec/enc32be.c
    ${bearssl_dir}/src/codec/dec64be.c ${bearssl_dir}/src/codec/enc64be.c
    ${bearssl_dir}/src/ec/ec_p256_m31.c ${bearssl_dir}/src/ec/ec_p256_m15.c
    ${bearssl_dir}/src/ec/ec_prime_i31.c ${bearssl_dir}/src/ec/ec_prime_i15.c
    ${bearssl_dir}/src/ec/ec_c25519_m31.c ${bearssl_dir}/src/ec/ec_c25519_m15.c
    ${bearssl_dir}/src/ec/ec_secp256r1.c ${bearssl_dir}/src/ec/ec_secp384r1.c
    ${bearssl_dir}/src/ec/ec_secp521r1.c
    ${bearssl_dir}/src/ec/ecdsa_i31_bits.c ${bearssl_dir}/src/ec/ecdsa_i15_bits.c
    ${bearssl_dir}/src/ec/ecdsa_i31_vrfy_raw.c ${bearssl_dir}/src/ec/ecdsa_i15_vrfy_raw.c
    ${bearssl_dir}/src/ec/ec_curve25519.c
    ${bearssl_dir}/src/kdf/hkdf.c ${bearssl_dir}/src/mac/hmac.c
    ${bearssl_dir}/src/symcipher/aes_ct.c ${bearssl_dir}/src/symcipher/aes_ct_enc.c
    ${bearssl_dir}/src/symcipher/aes_ct_dec.c ${bearssl_dir}/src/symcipher/aes_ct_ctr.c
    ${bearssl_dir}/src/symcipher/aes_ct_cbcdec.c ${bearssl_dir}/src/symcipher/aes_common.c
    ${bearssl_dir}/src/codec/dec32le.c ${bearssl_dir}/src/codec/enc32le.c
    ${bearssl_dir}/src/rsa/rsa_i31_pub.c ${bearssl_dir}/src/rsa/rsa_i15_pub.c)
add_library(bearssl STATIC ${bearssl_sources})
target_compile_options(bearssl PRIVATE ${TD_DEVICE_FLAGS} -w)
target_include_directories(bearssl SYSTEM PUBLIC ${bearssl_dir}/inc PRIVATE ${bearssl_dir}/src)

add_library(sodium STATIC
    ${sodium_dir}/crypto_core/ed25519/ref10/ed25519_ref10.c
    ${sodium_dir}/crypto_core/ed25519/core_ed25519.c
    ${sodium_dir}/crypto_scalarmult/ed25519/ref10/scalarmult_ed25519_ref10.c
    ${sodium_dir}/crypto_hash/sha512/cp/hash_sha512_cp.c
    ${sodium_dir}/crypto_sign/ed25519/ref10/open.c
    ${sodium_dir}/crypto_verify/sodium/verify.c
    ${CMAKE_SOURCE_DIR}/cmake/sodium_device.c)
target_compile_options(sodium PRIVATE ${TD_DEVICE_FLAGS} -w)
target_compile_definitions(sodium PRIVATE NATIVE_LITTLE_ENDIAN=1)
target_include_directories(sodium SYSTEM
    PUBLIC ${sodium_dir}/include
    PRIVATE ${sodium_dir}/include/sodium)

# One object library a room, so that ci/size.py can tell them apart.
add_library(td_device STATIC)
foreach(room ${TD_DEVICE_ROOMS})
    td_sources(sources ${room})
    if(sources)
        add_library(room_${room} OBJECT ${sources})
        target_compile_options(room_${room} PRIVATE ${TD_DEVICE_FLAGS} ${TD_WARNINGS})
        target_include_directories(room_${room} PRIVATE src)
        target_include_directories(room_${room} SYSTEM PRIVATE
            ${bearssl_dir}/inc ${sodium_dir}/include)
        target_sources(td_device PRIVATE $<TARGET_OBJECTS:room_${room}>)
    endif()
endforeach()
target_include_directories(td_device INTERFACE src)
target_link_libraries(td_device INTERFACE bearssl sodium)
# sodium_device.c calls back into crypto/ct.h; the linker goes round as often as it needs.
target_link_libraries(sodium INTERFACE td_device)
set_target_properties(td_device PROPERTIES LINKER_LANGUAGE C)

# A program of a port: its sources, linked by SCRIPT (looked for beside it) with what it calls of
# the device rooms. NAME.elf appears in the port's build folder.
function(td_firmware name script)
    add_executable(${name} ${ARGN})
    set_target_properties(${name} PROPERTIES SUFFIX .elf)
    target_compile_options(${name} PRIVATE ${TD_DEVICE_FLAGS} ${TD_WARNINGS})
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE td_device)
    target_link_options(${name} PRIVATE -nostartfiles --specs=nano.specs
        -L${CMAKE_CURRENT_SOURCE_DIR} -T${script} -Wl,--gc-sections
        -Wl,-Map=${CMAKE_CURRENT_BINARY_DIR}/${name}.map)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${script})
endfunction()

# The boards that have this processor.
set(ports_cortex-m33+nodsp qemu-mps2-an521)
foreach(port ${ports_${TD_CPU}})
    if(EXISTS ${CMAKE_SOURCE_DIR}/port/${port}/CMakeLists.txt)
        add_subdirectory(port/${port})
    endif()
endforeach()

add_subdirectory(tests/arm)
