# The protocol constants of both languages come from protocol/protocol.json; the page is bundled by esbuild and
# embedded. Both run at build time under Node.
find_program(NODE_EXECUTABLE NAMES node nodejs REQUIRED)

set(OWNDIR_PROTOCOL_HEADER ${CMAKE_BINARY_DIR}/generated/owndir/protocol.hpp)
add_custom_command(OUTPUT ${OWNDIR_PROTOCOL_HEADER}
  COMMAND ${NODE_EXECUTABLE} ${CMAKE_SOURCE_DIR}/protocol/generate.mjs --cpp ${OWNDIR_PROTOCOL_HEADER}
  DEPENDS ${CMAKE_SOURCE_DIR}/protocol/protocol.json ${CMAKE_SOURCE_DIR}/protocol/generate.mjs
  COMMENT "Generating protocol constants" VERBATIM)
add_custom_target(owndir_protocol DEPENDS ${OWNDIR_PROTOCOL_HEADER})

# owndir_embed(TARGET): bundles web/ and compiles the result into TARGET (read with base/embedded.hpp).
function(owndir_embed target)
  set(out ${CMAKE_BINARY_DIR}/web)
  file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*.ts ${CMAKE_SOURCE_DIR}/web/*.css
    ${CMAKE_SOURCE_DIR}/web/*.html ${CMAKE_SOURCE_DIR}/web/*.mjs ${CMAKE_SOURCE_DIR}/web/*.svg)
  list(FILTER web_sources EXCLUDE REGEX "/(node_modules|generated)/|\\.test\\.ts$")
  add_custom_command(OUTPUT ${out}/embedded.S
    COMMAND ${NODE_EXECUTABLE} ${CMAKE_SOURCE_DIR}/web/build.mjs --out ${out}
    DEPENDS ${web_sources} ${CMAKE_SOURCE_DIR}/web/package-lock.json ${CMAKE_SOURCE_DIR}/protocol/protocol.json
      ${CMAKE_SOURCE_DIR}/protocol/generate.mjs
    COMMENT "Bundling the page" VERBATIM)
  set_source_files_properties(${out}/embedded.S PROPERTIES GENERATED ON)
  target_sources(${target} PRIVATE ${out}/embedded.S)
endfunction()

# The runtime data directory, where the program looks for it (share/owndir beside the build's own root, or the
# installed one): the module host, what pages load, and the packages that modules may use without a network.
set(OWNDIR_SHARE ${CMAKE_BINARY_DIR}/share/owndir)
function(owndir_share)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/*.ts ${CMAKE_SOURCE_DIR}/web/*.tsx
    ${CMAKE_SOURCE_DIR}/web/*.css ${CMAKE_SOURCE_DIR}/web/*.html ${CMAKE_SOURCE_DIR}/web/*.svg ${CMAKE_SOURCE_DIR}/web/*.mjs)
  list(FILTER sources EXCLUDE REGEX "/(node_modules|generated)/|\\.test\\.tsx?$")
  set(generated ${CMAKE_SOURCE_DIR}/web/generated/protocol.ts)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/share/stamp
    COMMAND ${NODE_EXECUTABLE} ${CMAKE_SOURCE_DIR}/protocol/generate.mjs --ts ${generated}
    COMMAND ${NODE_EXECUTABLE} ${CMAKE_SOURCE_DIR}/web/share.mjs --out ${OWNDIR_SHARE}
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/share/stamp
    DEPENDS ${sources} ${CMAKE_SOURCE_DIR}/web/package.json ${CMAKE_SOURCE_DIR}/web/package-lock.json
      ${CMAKE_SOURCE_DIR}/protocol/protocol.json ${CMAKE_SOURCE_DIR}/protocol/generate.mjs
    COMMENT "Gathering the runtime data directory" VERBATIM)
  add_custom_target(owndir_share_directory ALL DEPENDS ${CMAKE_BINARY_DIR}/share/stamp)
  install(DIRECTORY ${OWNDIR_SHARE} DESTINATION share USE_SOURCE_PERMISSIONS PATTERN ".packages.json" EXCLUDE)
endfunction()
