# Toolchain: Cortex-M with arm-none-eabi-gcc. Used with -DTD_CPU=cortex-m0 or cortex-m33+nodsp.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TD_CPU)
set(CMAKE_C_FLAGS_INIT "-mcpu=${TD_CPU} -mthumb -mfloat-abi=soft")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
