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
