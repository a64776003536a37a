// Writes a TypeScript file in which each dashboard is a value of Grafana's types; `tsc --noEmit` then says what does not fit.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [folder, out] = process.argv.slice(2);
const forms = { table: "Table", stat: "Stat", timeseries: "TimeSeries", piechart: "PieChart", barchart: "BarChart" };
const lines = ['import type { Dashboard, Panel } from "@grafana/schema";'];
for (const [form, name] of Object.entries(forms)) {
  const from = `@grafana/schema/dist/esm/raw/composable/${form}/panelcfg/x/${name}PanelCfg_types.gen`;
  lines.push(`import type * as ${name} from "${from}";`);
}
// JSON has no enumerations: their values stand for them.
lines.push(`type Loose<T> = T extends string ? \`\${T}\` : T extends number ? (\`\${T}\` extends \`\${infer N extends number}\` ? N : never)
  : T extends (infer U)[] ? Loose<U>[] : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;`);
let panels = 0;
for (const file of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
  const dashboard = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const name = file.replace(/\W/g, "_");
  for (const panel of dashboard.panels) {
    const form = forms[panel.type];
    const what = `${name}_${panel.id}`;
    lines.push(`const ${what}_options: Loose<Partial<${form}.Options>> = ${JSON.stringify(panel.options)};`);
    const custom = panel.fieldConfig.defaults.custom ?? {};
    const fields = form === "Stat" ? "{}" : `Loose<Partial<${form}.FieldConfig>>`;
    lines.push(`const ${what}_custom: ${fields} = ${JSON.stringify(custom)};`);
    lines.push(`const ${what}: Loose<Panel> = ${JSON.stringify(panel)};`);
    panels += 1;
  }
  lines.push(`const ${name}: Loose<Omit<Dashboard, "panels">> = ${JSON.stringify({ ...dashboard, panels: undefined })};`);
}
writeFileSync(out, lines.join("\n") + "\nexport {};\n");
console.log(`${panels} panels`);
