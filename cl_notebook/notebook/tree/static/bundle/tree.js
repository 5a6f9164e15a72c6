function el(tag,props={},...children){let node=document.createElement(tag);for(let[name,value]of Object.entries(props))setProp(node,
name,value);return node.append(...children.filter(child=>child!=null)),node}function setProp(node,name,value){value==null||value===
!1||(name==="text"?node.textContent=value:name.startsWith("on")?node.addEventListener(name.slice(2),value):node.setAttribute(name,
value===!0?"":value))}function setText(node,text){node.textContent!==text&&(node.textContent=text)}function setAttr(node,name,value){
value==null?node.removeAttribute(name):node.getAttribute(name)!==String(value)&&node.setAttribute(name,value)}var SHORT={"\n":"\\n",
"\r":"\\r","	":"\\t"};function plain(text){return String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00a0]/gu,sign2=>SHORT[sign2]??written(
sign2.codePointAt(0).toString(16)))}function written(code){return code.length<3?`\\x${code.padStart(2,"0")}`:`\\u${code.padStart(4,
"0")}`}var GONE=["comm_live_update","comm:close"];function createRemote(model,{pushed,turned}){let waiting=new Map,number=Math.floor(Math.
random()*2**32)*2**20,heard=0,gone=!1,began=Date.now(),remote={live:{state:"live",since:began/1e3},ask,end};function ask(what,fields){
return new Promise((resolve,reject)=>{let id=++number;what!=="bye"&&waiting.set(id,{resolve,reject,what,at:Date.now()}),ready.then(
()=>send({...fields,id,do:what}))})}function send(message){try{model.send(message)}catch{leave()}}function receive(message){heard=
Date.now(),gone=!1;let asked=waiting.get(message?.re);waiting.delete(message?.re),judge(),asked?settle(asked,message):message?.push&&
pushed(message)}function leave(){gone=!0,judge(),setTimeout(()=>ask("ping").catch(()=>{}),1e3)}function judge(){let now=Date.now(),
dead=gone||now-(heard||began)>15e3;for(let[id,asked]of waiting)dead&&now-asked.at>1e3&&(waiting.delete(id),asked.reject(new Error(
"The kernel does not answer.")));let late=[...waiting.values()].filter(asked=>asked.what!=="act"&&now-asked.at>1e3);dead?turn(heard?
"lost":"static",heard||(model.get("_state")?.at??0)*1e3||began):late.length?turn("busy",late[0].at):turn("live",now)}function turn(state,at){
let before=remote.live.state;state!==before&&(remote.live={state,since:at/1e3},turned(before))}function end(){clearInterval(judging),
clearInterval(pinging),ask("bye"),model.off("msg:custom",receive);for(let name of GONE)model.off(name,leave);waiting.clear()}async function open(){
try{let found=await model.widget_manager?.get_model(model.get("_key"));found&&(!found.comm||found.comm_live===!1)?leave():await Promise.
race([found?.comm.jsServicesComm?.subshellStarted,pause(500)])}catch{await pause(500)}}let ready=open(),judging=setInterval(judge,
500),pinging=setInterval(()=>ask("ping").catch(()=>{}),2e4);model.on("msg:custom",receive);for(let name of GONE)model.on(name,leave);
return remote}function pause(time){return new Promise(resolve=>setTimeout(resolve,time))}function settle(asked,message){message.problem==
null?asked.resolve(message):asked.reject(Object.assign(new Error(message.problem),{line:message.line}))}var FIELDS=["kind","id","name","status","size","where","created","level","position","siblings","children","open","busy"],BLOCK=50,
NEAR=30,KEEP=6e3,MOST=500,REST=2e3,SOON=300;function createCache(ask,view){let cache={rev:0,total:0,at:index=>rows.get(index),find:id=>ids.
get(id),between,want,outdated,seed,restart,turn,jump,peek,recheck},rows=new Map,ids=new Map,newest=0,wanted=[0,0],asking=!1,turning=0,
fresh=!1,unsure=!1,stale=()=>unsure||newest>cache.rev;function between(first,last){return[...rows.values()].filter(row=>row.index>=
first&&row.index<=last)}function want(first,last){wanted=[first,last],next()}function outdated(rev){newest=Math.max(newest,rev),next()}
function recheck(){unsure=!0,next()}function restart(on){fresh=on}async function next(){let window2=!asking&&!turning&&missing();if(!window2)
return;asking=!0;let marks=stale()?{anchor:null,focus:null,...view.marks(fresh)}:null;try{take(await ask("rows",{...window2,...marks}),
marks),!stale()&&missing()?.start===window2.start&&await pause(SOON),asking=!1}catch{await pause(REST),asking=!1}next()}function missing(){
if(stale())return fresh?blocks(0,wanted[1]-wanted[0]):blocks(...wanted);let[first,last]=[Math.max(0,wanted[0]-NEAR),Math.min(cache.
total-1,wanted[1]+NEAR)];for(;first<=last&&rows.has(first);)first++;for(;last>=first&&rows.has(last);)last--;return first<=last&&blocks(
first,last,0)}function blocks(first,last,near=NEAR){let start=Math.max(0,Math.floor((first-near)/BLOCK)*BLOCK),end=Math.ceil((last+
near+1)/BLOCK)*BLOCK;return{start,count:Math.min(MOST,end-start)}}function take(answer,marks){if(newest=Math.max(newest,answer.rev),
answer.rev<cache.rev)return;let replaced=answer.rev>cache.rev;if(replaced&&!marks&&between(...wanted).length)return;marks&&(unsure=
!1);let{anchor,focus}=marks??{},shift=anchor&&answer.anchor!=null?answer.anchor-anchor.index:0;put(answer,replaced),view.changed({
shift,focus:focus?answer.focus:void 0,fresh:fresh&&replaced,replaced}),replaced&&(fresh=!1)}function put({rev,total,start,rows:lists},replaced){
replaced&&(rows.clear(),ids.clear()),Object.assign(cache,{rev,total}),lists.forEach((list,at)=>{let row=readRow(list,start+at);rows.
set(row.index,row),ids.set(row.id,row)}),rows.size>KEEP&&forget()}function forget(){let middle=(wanted[0]+wanted[1])/2;for(let[index,
row]of rows)Math.abs(index-middle)<KEEP/2||(rows.delete(index),ids.delete(row.id))}async function turn(what,fields){turning++;try{
replace(await ask(what,{...fields,...blocks(...wanted)}))}finally{turning--,next()}}async function peek(index){let{rows:lists,start}=await ask(
"rows",{start:index,count:1,anchor:null,focus:null});return lists.length&&readRow(lists[0],start)}async function jump(index){replace(
await ask("rows",{...blocks(index,index),anchor:null,focus:null}))}function replace(answer){if(answer.rev<cache.rev)return;newest=
Math.max(newest,answer.rev);let replaced=answer.rev>cache.rev;put(answer,replaced),view.changed({shift:0,replaced}),next()}function seed(state){
put({rev:0,total:0,rows:[],...state,start:0},!0),newest=cache.rev}return cache}function readRow(list,index){let row={index};return FIELDS.
forEach((field,at)=>row[field]=list[at]),row}function createChoice(app,cache,changed){let choice={pivot:null,last:null,has:id=>ids.has(id),list:()=>[...ids],set,toggle,range,clear:()=>set(
[]),stop},{model}=app,ids=new Set(model.get("selected")),unanswered=0;function show(next){ids=new Set(next),changed(),app.emit("se\
lected",choice.list())}function follow(){unanswered||show(model.get("selected")??[])}async function tell(what,fields){unanswered++;
try{await app.ask(what,fields),unanswered--}catch(error){if(unanswered--,!["live","busy"].includes(app.live.state))return;app.warn(
error.message),follow()}}function set(list,row){choice.pivot=row??choice.pivot,choice.last=row?.id,show(list),tell("select",{ids:list,
how:"set"})}function toggle(row){choice.pivot=row,choice.last=row.id;let next=new Set(ids);next.delete(row.id)||next.add(row.id),show(
next),tell("select",{ids:[row.id],how:"toggle"})}function range(to,from=cache.find(choice.pivot?.id)?.index??choice.pivot?.index??
to,how="set"){let[first,last]=[Math.min(from,to),Math.max(from,to)],seen=cache.between(first,last).map(row=>row.id);return choice.
last=cache.at(to)?.id,show(how==="add"?[...ids,...seen]:seen),tell("range",{first,last,how})}function stop(){model.off("change:sel\
ected",follow)}return model.on("change:selected",follow),choice}var SVG="http://www.w3.org/2000/svg",ARCS="M4.8 4.8a4.5 4.5 0 0 0 0 6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.9 2.9a7.2 7.2 0 0 0 0 10.2M\
13.1 2.9a7.2 7.2 0 0 1 0 10.2",RING="M8 2.5a5.5 5.5 0 1 0 .01 0",PATHS={backend:"M2 3h12v4H2zM2 9h12v4H2zM4.5 5h1M4.5 11h1",volume:"\
M3 4c0-1 2.2-2 5-2s5 1 5 2-2.2 2-5 2-5-1-5-2v8c0 1 2.2 2 5 2s5-1 5-2V4",snapshot:"M2 5h2.5l1.5-2h4l1.5 2H14v8H2zM8 6.5a2.3 2.3 0 1\
 0 .01 0",connection:"M6 10l4-4M7 4.7l1.3-1.2a2.8 2.8 0 0 1 4.2 4.2L11.3 9M9 11.3l-1.3 1.2a2.8 2.8 0 0 1-4.2-4.2L4.7 7",ok:"M3 8.5\
l3.2 3.2L13 5",use:`${RING}M8 6.5a1.5 1.5 0 1 0 .01 0`,idle:RING,busy:"M8 2.5a5.5 5.5 0 1 1-5.5 5.5",fault:"M8 2l6.5 11.5h-13zM8 6\
.5v3.2M8 11.5v.2",unknown:`${RING}M6.4 6.6a1.7 1.7 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1M8 11v.2`,open:"M4 6l4 4 4-4",closed:"M6 4l4 4-4 4",
search:"M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3L14 14",more:"M3 8h.6M7.7 8h.6M12.4 8h.6",copy:"M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",close:"\
M4 4l8 8M12 4l-8 8",columns:"M2 3h12v10H2zM6 3v10M10 3v10",up:"M8 13V4M4.5 7L8 3.5 11.5 7",down:"M8 3v9M4.5 9L8 12.5 11.5 9",live:`${ARCS}\
M8 7.5a.5.5 0 1 0 .01 0`,lost:`${ARCS}M2.5 13.5l11-11`};function icon(name){let svg=document.createElementNS(SVG,"svg"),path=document.
createElementNS(SVG,"path");path.setAttribute("d",PATHS[name]);for(let[key,value]of[["viewBox","0 0 16 16"],["aria-hidden","true"],
["class",`cl-icon cl-i-${name}`]])svg.setAttribute(key,value);return svg.append(path),svg}var TITLES={name:"Name",status:"Status",size:"Size",where:"Host / path",age:"Age",id:"Id",created:"Created"},WIDTHS={status:136,size:100,
where:128,age:72,id:290,created:184},UNSORTED=["id","created"],LEAST=48,NAME_LEAST=150,STEP=16;function createColumns(app,treegrid,changed){
let columns={names:[],cells:[],head:el("div",{class:"cl-tr cl-thead",role:"row","aria-rowindex":1}),sort,nudge,stop},{model}=app,widths={};
function choose(){delete widths.name,columns.names=["name",...(model.get("columns")??[]).filter(name=>WIDTHS[name])],columns.cells=
columns.names.map(heading),columns.head.replaceChildren(...columns.cells),setAttr(treegrid,"aria-colcount",columns.names.length),size2(),
sorted(),changed()}function heading(name){let grip=el("span",{class:"cl-grip",onpointerdown:event=>drag(event,name),ondblclick:()=>width(
name),onclick:stay}),cell=el("div",{class:`cl-td cl-th cl-c-${name}`,role:"columnheader",tabindex:-1,onclick:()=>sort(name)});return cell.
append(el("span",{class:"cl-text",text:TITLES[name]}),el("span",{class:"cl-order"}),grip),cell}let order=()=>(model.get("sort")||"").
split(":");function sorted(){let[by,way]=order();columns.cells.forEach((cell,at)=>{let name=columns.names[at],on=name===by;UNSORTED.
includes(name)||setAttr(cell,"aria-sort",on?way?"descending":"ascending":"none"),cell.children[1].replaceChildren(...on?[icon(way?
"down":"up")]:[])})}function sort(name){if(UNSORTED.includes(name))return;let[by,way]=order();model.set("sort",by!==name?name:way?
"":`${name}:desc`),model.save_changes()}function size2(){let track=name=>`${widths[name]??WIDTHS[name]}px`,rest=columns.names.slice(
1),least=rest.reduce((sum,name)=>sum+(widths[name]??WIDTHS[name]),widths.name??NAME_LEAST);treegrid.style.setProperty("--cl-column\
s",[widths.name?track("name"):`minmax(${NAME_LEAST}px, 1fr)`,...rest.map(track)].join(" ")),treegrid.style.minWidth=`${least}px`}function width(name,pixels){
pixels==null?delete widths[name]:(widths.name??=columns.cells[0].offsetWidth,widths[name]=Math.max(LEAST,Math.round(pixels))),size2()}
function nudge(at,way){width(columns.names[at],columns.cells[at].offsetWidth+way*STEP)}function drag(event,name){let grip=event.currentTarget,
begun=event.clientX-grip.parentNode.offsetWidth,move=moved=>width(name,moved.clientX-begun);event.preventDefault(),grip.setPointerCapture(
event.pointerId),grip.addEventListener("pointermove",move),grip.addEventListener("lostpointercapture",()=>grip.removeEventListener(
"pointermove",move),{once:!0})}function stop(){model.off("change:columns",choose),model.off("change:sort",sorted)}return model.on(
"change:columns",choose),model.on("change:sort",sorted),choose(),columns}function stay(event){event.stopPropagation()}var numbers=new Intl.NumberFormat("en",{maximumFractionDigits:1}),UNITS=["GiB","TiB","PiB","EiB"],SPANS=[[31557600,"y"],[86400,"d"],
[3600,"h"],[60,"min"]];function count(number){return numbers.format(number)}function size(gib){if(gib==null)return"";let unit=0;for(;gib>=
10240&&unit<3;unit++)gib/=1024;return`${numbers.format(gib)} ${UNITS[unit]}`}function age(epoch){return epoch==null?"":span(Date.now()/
1e3-epoch)}function span(seconds){let[length,unit]=SPANS.find(([least])=>seconds>=least)??[1,"s"];return`${Math.max(0,Math.floor(seconds/
length))} ${unit}`}function when(epoch){return epoch==null?"":new Date(epoch*1e3).toLocaleString()}function statusIcon(kind,status){
return status.startsWith("error")?"fault":status.endsWith("ing")?"busy":["in-use","attached"].includes(status)?"use":["available",
"open"].includes(status)?"ok":["closed","detached"].includes(status)?"idle":"unknown"}var fillers={name:fillName,status:fillStatus,size:fillSize,where:fillText,id:fillText,age:fillAge,created:fillCreated};function createCell(column){
let cell=el("div",{class:`cl-td cl-c-${column}`,role:"gridcell"});return column==="name"&&cell.append(twist(),el("span",{class:"cl\
-kind"}),el("span",{class:"cl-text"}),el("span",{class:"cl-count"})),column==="status"&&cell.append(el("span",{class:"cl-sign"}),el(
"span",{class:"cl-text"})),cell}function fillCell(cell,column,row,app){row?fillers[column](cell,row,app,column):blank(cell,column)}
function twist(){return el("span",{class:"cl-twist"},icon("closed"))}function blank(cell,column){cell.removeAttribute("title"),cell.
removeAttribute("aria-label"),column==="name"?fillName(cell,{name:"",kind:"",level:1,children:0},{}):column==="status"?sign(cell,null,
""):setText(cell,"")}function fillText(cell,row,_app,column){let text=plain(row[column]??"");setText(cell,text),setAttr(cell,"titl\
e",text||null)}function fillAge(cell,row){setText(cell,age(row.created)),setAttr(cell,"title",when(row.created)||null)}function fillCreated(cell,row){
setText(cell,when(row.created))}function setIcon(holder,name){holder.dataset.icon!==(name??"")&&(holder.dataset.icon=name??"",holder.
replaceChildren(...name?[icon(name)]:[]))}function childrenOf({kind,id,children},head){let all=head?.shown==null?0:head.backends[id]?.
volumes;return kind==="backend"&&all>children?`${count(children)} of ${count(all)}`:children||kind==="backend"?count(children):""}
function fillName(cell,row,app){let[,kind,text,below]=cell.children,name=plain(row.name);cell.style.setProperty("--cl-level",row.level),
setIcon(kind,row.kind),setAttr(kind,"title",row.kind||null),setText(text,name),setAttr(cell,"title",name||null),setText(below,childrenOf(
row,app.head))}function sign(cell,name,word,title){let[holder,text]=cell.children;setIcon(holder,name),setText(text,word),setAttr(
cell,"title",title),cell.children[2]?.remove()}function fillStatus(cell,row){let{busy}=row;busy?.gone?sign(cell,"fault","kernel is\
 gone",`${busy.doing}, begun ${when(busy.since)}: the kernel that did it is gone`):busy?fillBusy(cell,row,busy):sign(cell,row.status?
statusIcon(row.kind,row.status):null,plain(row.status??""))}function fillBusy(cell,row,{doing,since,done}){let word=row.status?.endsWith(
"ing")?row.status:doing,percent=done==null?null:Math.round(done*100);if(sign(cell,"busy",`${plain(word)} ${percent==null?span(Date.
now()/1e3-since):`${percent} %`}`,`${plain(doing)}, begun ${when(since)}`),percent==null)return;let bar2=el("span",{class:"cl-done",
role:"progressbar","aria-label":plain(doing),"aria-valuenow":percent});bar2.style.width=`${percent}%`,cell.append(bar2)}function fillSize(cell,row,app){
if(row.kind==="backend")fillCapacity(cell,app.head?.capacity?.[row.id],app.head?.backends?.[row.id]);else{setText(cell,size(row.size));
for(let name of["title","aria-label"])cell.removeAttribute(name)}}var amount=value=>typeof value=="number"?size(value):value??"unk\
nown";function fillCapacity(cell,capacity,sums){let{total,free,provisioned=sums?.provisioned}=capacity??{},said=capacity?`total ${amount(
total)}, provisioned ${amount(provisioned)}, free ${amount(free)}`:`capacity not known, provisioned ${amount(provisioned)}`;setAttr(
cell,"title",said);let measured=typeof total=="number"&&total>0;if(setAttr(cell,"aria-label",measured?`${shortly(total,free,provisioned)}\
: ${said}`:null),!measured)return setText(cell,capacity?total==="infinite"?"infinite":"unknown":provisioned?size(provisioned):"");
cell.replaceChildren(el("span",{class:"cl-text",text:shortly(total,free,provisioned)}),bar(total,free,provisioned))}function shortly(total,free,provisioned){
return typeof free=="number"?`${size(free)} free`:`${amount(provisioned)} of ${size(total)}`}function bar(total,free,provisioned){
let share=value=>`${Math.max(0,Math.min(100,value/total*100))}%`,used=el("span",{class:"cl-used"}),promised=el("span",{class:provisioned>
total?"cl-promised cl-over":"cl-promised"});return used.style.width=typeof free=="number"?share(total-free):0,promised.style.width=
typeof provisioned=="number"?share(provisioned):0,el("span",{class:"cl-bar","aria-hidden":"true"},promised,used)}var LONGEST=1e5;function createLines(app,layer,height){let lines={show,place,clear,grown,refresh,busy,find,keep:text=>layer.contains(
text)},shown=new Map,spare=[],names=[],stamp=0,base=0;function clear(columns){names=columns,layer.replaceChildren(),shown.clear(),
spare=[]}function refresh(){stamp++}function grown(at){for(let[key,line]of[...shown]){let row=typeof key=="number"&&at(key);row&&!shown.
has(row.id)&&(shown.delete(key),shown.set(row.id,line))}}function place(top){base=Math.floor(top/LONGEST)*LONGEST,layer.style.transform=
`translateY(${base-top}px)`}function show(list,mark){let keys=new Set(list.map(([key])=>key));for(let[key,line]of shown)keys.has(key)||
drop(key,line);let next=layer.firstChild;for(let[key,index,row]of list){let line=shown.get(key)??spare.pop()??build();shown.set(key,
line),line.el===next?next=next.nextSibling:layer.insertBefore(line.el,next),put(line,index),fill(line,row),mark(line)}}function drop(key,line){
shown.delete(key),line.el.remove(),spare.push(line)}function build(){let cells=names.map(createCell),line={el:el("div",{class:"cl-\
tr",role:"row",tabindex:-1},...cells),cells};return line.el.clLine=line,line}function put(line,index){line.index===index&&line.base===
base||(Object.assign(line,{index,base}),line.el.style.transform=`translateY(${index*height-base}px)`,setAttr(line.el,"aria-rowinde\
x",index+2))}function fill(line,row){if(line.row===row&&line.stamp===stamp)return;Object.assign(line,{row,stamp});let{el:node}=line;
setAttr(node,"aria-level",row?.level??1),setAttr(node,"aria-posinset",row?.position),setAttr(node,"aria-setsize",row?.siblings),setAttr(
node,"aria-expanded",row?.children?!!row.open:null),setAttr(node,"aria-busy",row?null:!0),setAttr(node,"data-id",row?.id),node.classList.
toggle("cl-blank",!row),line.cells.forEach((cell,at)=>fillCell(cell,names[at],row,app))}function busy(){let at=names.indexOf("stat\
us");for(let line of shown.values())line.row?.busy&&at>0&&fillCell(line.cells[at],"status",line.row,app)}function find(key){return shown.
get(key)}return lines}function createScroll(scroller,spacer,moved){let scroll={top:0,left:0,length:0,setLength,moveTo,settle:settle2},last=0,idle=0,share=()=>(8e6-
2*4e5)/(scroll.length-2*4e5),clamp=top=>Math.max(0,Math.min(scroll.length,top));function toPixels(top){return scroll.length<=8e6||
top<=4e5?top:top>=scroll.length-4e5?8e6-(scroll.length-top):4e5+(top-4e5)*share()}function toTop(pixels){return scroll.length<=8e6||
pixels<=4e5?pixels:pixels>=76e5?scroll.length-(8e6-pixels):4e5+(pixels-4e5)/share()}function setLength(length){length!==scroll.length&&
(spacer.style.height=`${Math.min(length,8e6)}px`),scroll.length=length,scroll.top=clamp(scroll.top),settle2()}function moveTo(top){
scroll.top=clamp(top),settle2(),moved()}function settle2(anyway){let pixels=toPixels(scroll.top);!anyway&&Math.abs(pixels-last)<1||
(scroller.scrollTop=pixels,last=scroller.scrollTop)}function onscroll(){let pixels=scroller.scrollTop,step=pixels-last;if(last=pixels,
scroll.left=scroller.scrollLeft,!step)return;let end=pixels<=0||pixels>=7999999;scroll.top=clamp(scroll.length<=8e6||end||Math.abs(
step)>3e3?toTop(pixels):scroll.top+step),clearTimeout(idle),scroll.length>8e6&&(idle=setTimeout(settle2,150,!1)),moved()}return scroller.
addEventListener("scroll",onscroll,{passive:!0}),scroll}var HIGH=28,OVER=8,FEWEST=5,MOST_SHOWN=15,HEADER=-1;function createGrid(app){let spot={index:0,id:null,row:null,cell:-1,used:!1},spacer=el(
"div",{class:"cl-spacer"}),layer=el("div",{class:"cl-layer"}),none=el("div",{class:"cl-none",hidden:!0}),treegrid=el("div",{class:"\
cl-grid",role:"treegrid","aria-multiselectable":"true"}),scroller=el("div",{class:"cl-scroll"},treegrid,spacer),view={marks,changed},
cache=createCache(app.ask,view),choice=createChoice(app,cache,soon),lines=createLines(app,layer,HIGH),scroll=createScroll(scroller,
spacer,soon),grid={el:scroller,treegrid,cache,choice,spot,goTo,show,turn,all,parentOf,page,focus,owns,fill,line:()=>lines.find(spotKey()),
stop},height=FEWEST*HIGH,given="",frame=0,ticks=0,quiet=!1,columns=createColumns(app,treegrid,()=>{lines.clear(grid.columns?.names??
[]),soon()});grid.columns=columns,lines.clear(columns.names),treegrid.append(columns.head,el("div",{class:"cl-tbody",role:"rowgrou\
p"},layer),none);let active=()=>treegrid.getRootNode().activeElement,keyOf=index=>cache.at(index)?.id??index,spotKey=()=>spot.id??
spot.index;function soon(){frame||=requestAnimationFrame(render2)}function render2(){cancelAnimationFrame(frame),frame=0;let{top}=scroll,
first=Math.floor(top/HIGH),last=Math.min(cache.total,Math.ceil((top+height)/HIGH))-1,focused2=lines.keep(active());lines.place(top),
lines.show(listed(Math.max(0,first-OVER),Math.min(cache.total-1,last+OVER)),mark),markHeader(),focused2&&!lines.keep(active())&&focus(),
cache.want(first,Math.max(first,last))}function listed(first,last){let list=[];for(let index=first;index<=last;index++)list.push([
keyOf(index),index,cache.at(index)]);let key=spotKey();if(spot.index===HEADER||!cache.total||list.some(([other])=>other===key))return list;
let pinned=[key,spot.index,spot.row??void 0];return spot.index<first?[pinned,...list]:[...list,pinned]}function mark(line){let here=spot.
index!==HEADER&&(line.row?.id??line.index)===spotKey(),chosen=line.row?choice.has(line.row.id):!1,cell=here?spot.cell:null;line.chosen===
chosen&&line.cell===cell||(Object.assign(line,{chosen,cell}),setAttr(line.el,"aria-selected",chosen),line.el.tabIndex=cell===-1?0:
-1,line.el.classList.toggle("cl-here",here&&spot.used),line.cells.forEach((node,at)=>setAttr(node,"tabindex",at===cell?0:null)))}function markHeader(){
let on=spot.index===HEADER||!cache.total?Math.max(0,spot.cell):HEADER;columns.cells.forEach((cell,at)=>cell.tabIndex=at===on?0:-1)}
function marks(fresh){let[first,last]=[scroll.top/HIGH,(scroll.top+height)/HIGH-1],seen=spot.id&&spot.index>=first&&spot.index<=last?
spot.row:cache.between(Math.ceil(first),last)[0];return{anchor:scroll.top>0&&!fresh&&seen?{id:seen.id,index:seen.index}:null,focus:spot.
id&&{id:spot.id,index:spot.index}}}function changed({shift,focus:found,fresh,replaced}){fresh&&(scroll.top=0),shift&&(scroll.top+=
shift*HIGH),found===null?lose(shift):found!==void 0&&(spot.index=found),learn(replaced),lines.grown(cache.at),fit(),measure(),render2(),
app.emit("rows")}function lose(shift){Object.assign(spot,{index:Math.max(0,Math.min(cache.total-1,spot.index+shift)),id:null,row:null,
fell:!0})}function learn(replaced){if(spot.index===HEADER)return;let row=spot.id?cache.find(spot.id):cache.at(spot.index);if(!row&&
spot.id&&replaced&&cache.recheck(),!row||row===spot.row)return;let other=row.id!==spot.id;Object.assign(spot,{index:row.index,id:row.
id,row}),other&&spot.used?app.emit("focus",row):other||app.emit("row",row)}function fill(state){cache.seed(state),changed({shift:0,
replaced:!1})}function fit(){let wanted=(Math.max(FEWEST,Math.min(MOST_SHOWN,cache.total))+1)*HIGH+2;scroller.style.height===given&&
wanted>(parseFloat(given)||0)&&(given=scroller.style.height=`${wanted}px`),none.hidden=cache.total>0,none.textContent=app.model.get(
"filter")||app.model.get("only_faults")?"Nothing matches.":"Nothing is tracked here yet.",setAttr(treegrid,"aria-rowcount",cache.total+
1)}function measure(){height=(scroller.clientHeight||parseFloat(given))-HIGH,scroll.setLength(Math.max(0,cache.total*HIGH-height))}
function resized(){scroller.clientHeight&&(measure(),scroll.settle(!0),soon())}function page(){return Math.max(1,Math.floor(height/
HIGH)-1)}function goTo(index,cell=spot.cell,{take=!0,scroll:follow=!0}={}){let heading=index<0,at=heading?HEADER:Math.min(index,cache.
total-1),row=heading?null:cache.at(at)??null;Object.assign(spot,{index:at,id:row?.id??null,row,cell:heading?Math.max(0,cell):cell,
used:!0,fell:!1}),follow&&show(at),render2(),take&&focus(),row&&app.emit("focus",row)}function show(index){if(index===HEADER)return;
let top=index*HIGH;top<scroll.top?scroll.moveTo(top):top+HIGH>scroll.top+height&&scroll.moveTo(top+HIGH-height)}function focus(){let line=lines.
find(spotKey()),node=spot.index===HEADER||!line?columns.cells[Math.max(0,spot.cell)]:line.cells[spot.cell]??line.el;if(quiet=!0,node.
focus({preventScroll:!0}),quiet=!1,spot.cell<0)return;let from=node.offsetLeft;from<scroller.scrollLeft?scroller.scrollLeft=from:from+
node.offsetWidth>scroller.scrollLeft+scroller.clientWidth&&(scroller.scrollLeft=from+node.offsetWidth-scroller.clientWidth)}function owns(){
return treegrid.contains(active())}function focused({target}){if(quiet)return;let line=target.closest(".cl-tr").clLine,heading=columns.
cells.indexOf(target);heading>=0&&(spot.index!==HEADER||spot.cell!==heading)?goTo(HEADER,heading):line&&(line.row?.id??line.index)!==
spotKey()?goTo(line.index,line.cells.indexOf(target),{scroll:target.matches(":focus-visible")}):line&&target.matches(":focus-visib\
le")&&show(spot.index)}async function turn(row,on){!row?.children||row.open===on||await tried(cache.turn("open",{row:row.id,on}))}
async function all(on){await tried(cache.turn("all",{on}))}async function tried(work){try{await work}catch(error){app.warn(error.message)}}
async function parentOf(row){for(let step=row;step&&step.level>=row.level;){let index=step.index-step.position;if(index<0)return null;
if(step=cache.at(index)??await cache.peek(index),step&&step.level<row.level)return step.index}return null}function tick(){++ticks%
30===0?(lines.refresh(),soon()):lines.busy()}function renew(){lines.refresh(),soon()}let ticking=setInterval(tick,1e3),watching=new ResizeObserver(
resized);watching.observe(scroller),treegrid.addEventListener("focusin",focused),app.on("head",renew);function stop(){clearInterval(
ticking),cancelAnimationFrame(frame),watching.disconnect(),columns.stop(),choice.stop()}return grid}function makeButton(label,run,{sign:sign2,...props}={}){return el("button",{type:"button",class:"cl-btn",onclick:run,...props},sign2&&
icon(sign2),el("span",{text:plain(label)}))}function signButton(label,sign2,run,props){let named={"aria-label":plain(label),title:plain(
label)};return el("button",{type:"button",class:"cl-btn cl-bare",...named,onclick:run,...props},icon(sign2))}function copyButton(app,label,text,props){
return signButton(label,"copy",async({currentTarget:node})=>{await copyText(app,text())&&node.replaceChildren(icon("ok")),setTimeout(
()=>node.replaceChildren(icon("copy")),1500)},props)}async function copyText(app,text){let done=await navigator.clipboard?.writeText(
text).then(()=>!0,()=>!1)||copyOldWay(text);return app.say(done?"Copied":"The browser does not let us copy"),done}function copyOldWay(text){
let give=event=>{event.clipboardData.setData("text/plain",text),event.preventDefault(),event.stopImmediatePropagation()};window.addEventListener(
"copy",give,!0);let done=document.execCommand("copy");return window.removeEventListener("copy",give,!0),done}function activeIn(node){
let active=node.getRootNode().activeElement;return node.contains(active)?active:null}function freshId(){return`cl${Math.random().toString(
36).slice(2)}`}function plainLines(text){return String(text??"").split(`
`).map(plain).join(`
`)}var FORM_NAMES=12,FORM_WAIT=150;function askAbout(app,ids){return ids.length>1?app.ask("offers",{ids}):app.ask("details",{row:ids[0]})}
function namesOf(app,ids,most){let names=ids.slice(0,most).map(id=>plain(app.row(id)?.name||id));return ids.length>most?[...names,
`… and ${ids.length-most} more`]:names}function lineBox(app){let code=el("code"),box=el("div",{class:"cl-line"},code,copyButton(
app,"Copy as magic",()=>box.line));return box.put=line=>setText(code,plainLines(box.line=line??"")),box}function createTask(app,act,ids,{
back,done}){let title=`${plain(act.label)}: ${ids.length>1?`${ids.length} selected`:namesOf(app,ids,1)[0]}`,fields=act.asks.map(ask=>formField(
ask,ids.length>1,edited)),line=lineBox(app),hint=el("p",{class:"cl-quiet"}),alert=el("div",{class:"cl-bad cl-note",role:"alert"}),
id=freshId(),cancel=makeButton("Cancel",close,{"aria-describedby":act.danger&&id}),go=makeButton(act.label,null,{type:"submit",class:`\
cl-btn ${act.danger?"cl-bad":"cl-prime"}`}),question=act.danger&&el("p",{class:"cl-note",id},icon("fault"),el("span",{text:`This g\
oes: ${goes()}`})),parts=[el("h4",{text:title}),question,...fields.map(field=>field.el),line,hint,alert],form=el("form",{novalidate:!0,
onsubmit:submit},...parts,el("div",{class:"cl-flow"},cancel,go)),task={el:el("div",{class:"cl-task",onkeydown:key},form),state:"as\
k",start},turn=0,timer;function goes(){return ids.length>1?namesOf(app,ids,FORM_NAMES).join(", "):plain(act.danger)}function start(){
if(line.put(act.line),ids.length>1&&preview(),!fields.length&&!act.danger)return submit();let first=act.danger?cancel:fields[0].input;
first.focus(),first.select?.()}let asked=()=>({act:act.name,ids,values:Object.fromEntries(fields.map(field=>[field.name,field.value()]))});
function edited(){clearTimeout(timer),timer=setTimeout(preview,FORM_WAIT)}async function preview(){if(fields.some(field=>field.wrong()))
return;let mine=++turn,{line:text,problem}=await app.ask("line",asked()).catch(({message})=>({problem:message}));mine!==turn||task.
state==="busy"||(setText(hint,plain(problem??"")),problem||line.put(text))}async function submit(event){event?.preventDefault();let wrong=fields.
filter(field=>field.check());if(wrong.length&&wrong[0].input.focus(),wrong.length||task.state==="busy")return;let stop=busy();try{
let answer=await app.ask("act",asked());stop("done"),finish(answer)}catch(problem){stop("failed"),fail(problem)}done()}function busy(){
let since=Date.now(),tick=()=>setText(go.lastChild,`Running, ${Math.round((Date.now()-since)/1e3)} s`),clock=setInterval(tick,1e3),
turnTo=state=>{let on=state==="busy";task.state=state,setAttr(go,"aria-disabled",on||null),cancel.hidden=on;for(let{input}of fields)
input.readOnly=on;on||clearInterval(clock)};return activeIn(cancel)&&go.focus(),turnTo("busy"),tick(),setText(hint,""),alert.replaceChildren(),
app.say(`${title}: started`),turnTo}function fail(problem){setText(go.lastChild,"Try again"),setText(cancel.lastChild,"Close"),alert.
append(icon("fault"),el("span",{text:plainLines(problem.message)})),problem.line&&line.put(problem.line)}function finish(answer){let held=activeIn(
task.el),text=plain(answer.text),links=(answer.ids??[]).slice(0,5).map(made=>makeButton(`Show ${app.row(made)?.name||made}`,()=>app.
reveal(made)));task.el.replaceChildren(el("div",{class:"cl-note cl-result"},icon("ok"),el("span",{text}),signButton("Dismiss","clo\
se",close)),line,...links),line.put(answer.line??line.line),app.say(text),held&&back()}function key(event){if(event.key==="Enter"&&
event.target.matches("input"))return submit(event);event.key==="Escape"&&(event.stopPropagation(),task.state!=="busy"&&close())}function close(){
let held=activeIn(task.el);clearTimeout(timer),task.el.remove(),held&&back()}return task}function formField({name,label,type,value,
required},many,edited){let id=freshId(),flag=type==="flag",changed=()=>{input.ariaInvalid&&check(),edited()},props=flag?{type:"che\
ckbox"}:{class:"cl-input",spellcheck:"false",autocomplete:"off","aria-required":required&&"true"};type==="number"&&(props.inputmode=
"numeric");let input=el("input",{...props,id,"aria-describedby":`${id}-wrong`,oninput:changed,onchange:check}),told=el("span",{class:"\
cl-bad",id:`${id}-wrong`}),named=el("label",{for:id,text:many&&flag?"With whatever hangs on them":plain(label)});flag?input.checked=
value&&!many:input.value=value??"";function wrong(){let text=input.value.trim();return flag||!text&&!required?"":text?type==="numb\
er"&&!/^\d+$/.test(text)?"This must be a whole number":"":"This is needed"}function check(){let problem=wrong();return setText(told,
problem),setAttr(input,"aria-invalid",problem?"true":null),problem}function read(){let text=input.value.trim();return flag?input.checked:
text&&type==="number"?Number(text):text||null}return{name,input,wrong,check,value:read,el:el("div",{class:"cl-field"},...flag?[input,
named]:[named,input],told)}}var MENU_EDGE=4,MENU_PAUSE=700,MENU_STEPS={ArrowDown:at=>at+1,ArrowUp:at=>at-1,Home:()=>0,End:()=>-1};function openMenu(app,{anchor,
x=0,y=0},items,label){let before=app.el.querySelector(".cl-menu");if(before?.clClose(!0),before&&before.clAnchor===anchor)return;let back=app.
el.getRootNode().activeElement,nodes=items.map(menuItem),menu=el("div",{class:"cl-menu",role:"menu","aria-label":plain(label),popover:"\
manual"},...nodes);Object.assign(menu,{clAnchor:anchor,clClose:refocus=>{menu.clClose=()=>{},menuMark(anchor,!1),refocus&&back?.isConnected?
back.focus({preventScroll:!0}):refocus&&app.focusGrid(),menu.remove()}});let stays=to=>menu.contains(to)||anchor?.ariaHasPopup&&to===
anchor;menu.addEventListener("focusout",({relatedTarget})=>stays(relatedTarget)||menu.clClose()),menuListen(menu,nodes.filter(node=>node.
clItem)),menuMark(anchor,!0),app.el.append(menu),menu.showPopover?.(),menuPlace(menu,anchor?.getBoundingClientRect()??{left:x,top:y,
bottom:y}),menu.querySelector("[tabindex]")?.focus()}function menuMark(anchor,on){anchor?.ariaHasPopup&&setAttr(anchor,"aria-expan\
ded",on)}function menuItem(item){if(item==="-")return el("div",{role:"separator"});let{label,checked,disabled,danger,why}=item,props={
...checked==null?{role:"menuitem"}:{role:"menuitemcheckbox","aria-checked":String(checked)},tabindex:-1,class:danger&&"cl-bad","ar\
ia-disabled":disabled&&"true"},node=el("div",props,checked==null?null:icon("ok"),el("span",{text:plain(label)}),why&&el("small",{class:"\
cl-why",text:plain(why)}));return node.clItem=item,node}function menuPlace(menu,{left,top,bottom}){let{width,height}=menu.getBoundingClientRect(),
below=bottom+height+MENU_EDGE<=innerHeight;menu.style.left=`${Math.max(MENU_EDGE,Math.min(left,innerWidth-width-MENU_EDGE))}px`,menu.
style.top=`${below?bottom:Math.max(MENU_EDGE,Math.min(top,innerHeight-MENU_EDGE)-height)}px`}function menuListen(menu,nodes){let typed="",
typedAt=0;menu.onclick=({target})=>menuRun(menu,target.closest("[tabindex]"),!0),menu.onpointermove=({target})=>target.closest("[t\
abindex]")?.focus(),menu.oncontextmenu=event=>event.preventDefault();function type(sign2,at){typed=Date.now()-typedAt<MENU_PAUSE?typed+
sign2:sign2,typedAt=Date.now();let from=typed.length>1?at:at+1;[...nodes.slice(from),...nodes.slice(0,from)].find(node=>node.clItem.
label.toLowerCase().startsWith(typed))?.focus()}menu.onkeydown=event=>{let{key,target}=event,at=nodes.indexOf(target);if(event.stopPropagation(),
key==="Tab")return menu.clClose(!0);event.ctrlKey||event.altKey||event.metaKey||(event.preventDefault(),MENU_STEPS[key]?nodes.at(MENU_STEPS[key](
at)%nodes.length).focus():key==="Escape"?menu.clClose(!0):key==="Enter"||key===" "?menuRun(menu,target,key==="Enter"):key.length===
1&&type(key.toLowerCase(),at))}}function menuRun(menu,node,last){let item=node?.clItem;!item||item.disabled||((last||item.checked==
null)&&menu.clClose(!0),item.checked!=null&&setAttr(node,"aria-checked",item.checked=!item.checked),item.run(item.checked))}async function rowMenu(app,row,at){
let many=app.selected.length>1&&app.selected.includes(row.id),ids=many?[...app.selected]:[row.id],{acts}=await askAbout(app,ids).catch(
({message})=>app.say(message)??{acts:[]});openMenu(app,at,rowItems(app,row,ids,acts),many?`${ids.length} selected`:row.name)}function rowItems(app,row,ids,acts){
let item=({name,label,asks,danger,why})=>({label:asks.length||danger?`${label}…`:label,danger:!!danger,disabled:!!why,why,run:()=>app.
act(name,ids)}),copy=([what,text])=>({label:`Copy ${what}`,run:()=>copyText(app,text)}),copies={id:row.id,name:row.name,"the line \
that shows it":`%cl_${row.kind} show ${row.id}`};return[[{label:"Details",run:()=>app.showPane(!0)}],acts.filter(act=>!act.danger).
map(item),Object.entries(copies).map(copy),acts.filter(act=>act.danger).map(item)].filter(part=>part.length).flatMap((part,index)=>index?
["-",...part]:part)}var TYPING=500;function createKeys(app,grid){let{spot,cache,choice,columns}=grid,typed="",typedAt=0,typedFrom=0,end=()=>cache.total-
1,lastCell=()=>columns.names.length-1,down=way=>()=>grid.goTo(Math.min(end(),spot.index+way)),far=way=>()=>grid.goTo(Math.max(0,Math.
min(end(),spot.index+way*grid.page()))),edge=(index,cell)=>()=>spot.cell<0?grid.goTo(index()):grid.goTo(spot.index,cell()),ends={Home:()=>grid.
goTo(0),End:()=>grid.goTo(end()),a:()=>choice.range(end(),0),c:copy," ":toggle,ArrowUp:down(-1),ArrowDown:down(1)},shifts={ArrowUp:()=>extend(
-1),ArrowDown:()=>extend(1)," ":()=>choice.range(spot.index),F10:menu,"*":()=>grid.all(!0)},plains={ArrowUp:down(-1),ArrowDown:down(
1),PageUp:far(-1),PageDown:far(1),Home:edge(()=>0,()=>0),End:edge(end,lastCell),ArrowRight:right,ArrowLeft:left,Enter:()=>app.showPane(
!0)," ":toggle,Escape:clear,Delete:()=>spot.row&&app.act("delete",meant()),ContextMenu:menu,"*":()=>grid.all(!0)},headings={ArrowDown:()=>cache.
total&&grid.goTo(0,-1),ArrowLeft:alt=>turnHeading(-1,alt),ArrowRight:alt=>turnHeading(1,alt),Home:()=>grid.goTo(-1,0),End:()=>grid.
goTo(-1,lastCell()),Enter:sort," ":sort};function meant(){return spot.row?choice.has(spot.id)?choice.list():[spot.id]:choice.list()}
function copy(){copyText(app,meant().join(`
`))}function toggle(){if(typed&&performance.now()-typedAt<TYPING)return seek(" ");spot.row&&choice.toggle(spot.row)}function clear(){
if(!choice.list().length)return!1;choice.pivot=null,choice.clear()}function extend(way){(choice.last!==spot.id||!choice.pivot)&&(choice.
pivot=spot.row);let to=Math.max(0,Math.min(end(),spot.index+way));grid.goTo(to),choice.range(to)}function right(){let{row,cell}=spot;
cell<0&&row?.children&&!row.open?grid.turn(row,!0):grid.goTo(spot.index,Math.min(lastCell(),cell+1))}async function left(){let{row,
cell,index}=spot;if(cell>=0)grid.goTo(index,cell-1);else if(row?.children&&row.open)grid.turn(row,!1);else if(row){let above=await grid.
parentOf(row).catch(()=>null);above!=null&&spot.id===row.id&&grid.goTo(above)}}function menu(){let line=grid.line();line?.row&&rowMenu(
app,line.row,{anchor:line.el})}function sort(){columns.sort(columns.names[spot.cell])}function turnHeading(way,alt){alt?columns.nudge(
spot.cell,way):grid.goTo(-1,Math.max(0,Math.min(lastCell(),spot.cell+way)))}async function seek(sign2){let now=performance.now();now-
typedAt>TYPING&&(typed="",typedFrom=Math.max(0,spot.index)),typed+=sign2,typedAt=now;let text=typed,{index}=await app.ask("seek",{
text,after:typedFrom}).catch(()=>({}));index!=null&&text===typed&&grid.owns()&&grid.goTo(index)}function meaning(event){let{key,altKey,
shiftKey}=event;return spot.index<0||!cache.total?altKey?headings[/^Arrow[LR]/.test(key)?key:""]:headings[key]:altKey?null:event.ctrlKey||
event.metaKey?ends[key]:shiftKey&&shifts[key]?shifts[key]:plains[key]??([...key].length===1?()=>{seek(key)}:null)}return event=>{let act=!event.
isComposing&&meaning(event);!act||act(event.altKey)===!1||(event.preventDefault(),event.stopPropagation())}}var COPIED_NAMES=/^(id|name)$|path/i,COPIED_LENGTH=24,OUTCOMES={running:"busy",done:"ok"};function statusMark(status,sign2){return el(
"span",{class:sign2==="fault"?"cl-mark cl-bad":"cl-mark"},icon(sign2),el("span",{text:plain(status)}))}function detailsBody(app,data){
let held=data.held?.length?[["held by",data.held.join(", ")]]:[],rows=[...data.fields,...held].map(([name,value])=>fieldRow(app,plain(
name),String(value??""))),history=(data.history??[]).map(historyItem);return[el("table",{class:"cl-fields","aria-label":"Fields"},
el("tbody",{},...rows)),...section("Snapshots",data.snapshots?.map(item=>linkItem(app,"snapshot",item)),data.more_snapshots),...section(
"Connections",data.connections?.map(item=>linkItem(app,"connection",item)),data.more_connections),...section("History of operation\
s",history)]}function fieldRow(app,name,value){let copy=value&&(COPIED_NAMES.test(name)||value.length>COPIED_LENGTH)?copyButton(app,
`Copy ${name}`,()=>value,{"data-key":`copy ${name}`}):null;return el("tr",{},el("th",{scope:"row",text:name}),el("td",{text:plain(
value)||"–"}),el("td",{},copy))}function section(title,items,more){if(!items?.length)return[];let rest=more?el("li",{class:"cl-q\
uiet",text:`… and ${more} more`}):null;return[el("h4",{text:title}),el("ul",{class:"cl-list"},...items,rest)]}function linkItem(app,kind,{
id,name,status}){let props={type:"button",class:"cl-btn cl-bare cl-go","data-key":id,onclick:()=>app.reveal(id)},text=el("span",{class:"\
cl-grow",text:plain(name||id)});return el("li",{},el("button",props,icon(kind),text,statusMark(status,statusIcon(kind,status))))}function historyItem({
at,action,status,duration,error,who}){let took=duration==null?"":` · ${duration.toFixed(1)} s`;return el("li",{},el("div",{class:"\
cl-flow"},el("b",{text:plain(action)}),statusMark(status,OUTCOMES[status]??"fault")),el("div",{class:"cl-quiet",text:`${when(at)}${took}\
 · ${plain(who)}`}),error?el("div",{class:"cl-bad cl-pre",text:plainLines(error)}):null)}var PANE_WAIT=120,PANE_REST=1e3,PANE_BONES=300,PANE_NAMES=50,PANE_GONE=/gone|any more/;function createPane(app){let head=el("h3",{
tabindex:-1}),bar2=el("div",{class:"cl-flow",role:"group","aria-label":"Acts"}),slot=el("div"),body=el("div"),scroller=el("div",{class:"\
cl-pane-scroll"},bar2,slot,body),close=signButton("Close details","close",()=>leave(()=>app.showPane(!1))),top=el("div",{class:"cl\
-pane-head"},head,close),pane={el:el("section",{class:"cl-pane","aria-label":"Details",onkeydown:key},top,scroller),show,refresh,act},
row=null,ids=[],tasks=[],turn=0,asked=0,seen=!1,shown="",heading="",timer;function see(){let now=pane.el.getClientRects().length>0;
now!==seen&&(seen=now,app.emit("pane",seen),seen&&later(0))}function show(next){if(app.fell&&tasks.some(task=>task.state==="ask"))
return refresh();let{selected}=app;row=next??null;let now=selected.length>1&&(!row||selected.includes(row.id))?[...selected]:row?[
row.id]:[],same=now.length===ids.length&&now.every((id,index)=>id===ids[index]);ids=now,entitle(),same||turnTo()}function entitle(){
let{kind,id,name,status}=row??{},many=ids.length>1||!row,text=ids.length>1?`${ids.length} selected`:plain(name||id||"Details");heading!==
(heading=[text,kind,status,many].join())&&head.replaceChildren(...many?[]:[icon(kind)],el("b",{text}),...many?[]:[statusMark(status,
statusIcon(kind,status))])}function turnTo(){let mine=++turn;if(shown="",keep(task=>task.state!=="ask"),(activeIn(body)||activeIn(
bar2))&&head.focus(),!ids.length)return fill([],[el("p",{class:"cl-quiet",text:"Go to a row to see its details."})]);stale(!0),setTimeout(
()=>mine===turn&&!shown&&body.replaceChildren(bones()),PANE_BONES),later(PANE_WAIT)}function bones(){return el("div",{class:"cl-bo\
nes",role:"img","aria-label":"Loading"},...Array.from({length:6},()=>el("i")))}function stale(on){setAttr(pane.el,"aria-busy",on||
null),bar2.inert=body.inert=on}function refresh(){timer||later(Math.max(0,asked+PANE_REST-Date.now()))}function later(wait){clearTimeout(
timer),timer=setTimeout(load,wait)}async function load(){if(timer=0,!seen||!ids.length)return;let mine=turn;asked=Date.now();let answer=await askAbout(
app,ids).catch(({message})=>({problem:message}));mine===turn&&put(answer)}function put({re,...answer}){let text=JSON.stringify(answer),
gone=PANE_GONE.test(answer.problem);if(text===shown||answer.problem&&shown&&!gone)return;shown=text;let{kind,id,name}=row??{};gone&&
head.querySelector(".cl-mark")?.remove(),answer.problem?fill([],[el("p",{text:gone&&row?`${kind} ${plain(name||id)} is gone`:plain(
answer.problem)})]):fill(answer.acts,ids.length>1?[names()]:detailsBody(app,answer))}function names(){return el("ul",{class:"cl-li\
st","aria-label":"Selected"},...namesOf(app,ids,PANE_NAMES).map(text=>el("li",{text})))}function fill(acts,nodes){let held=activeIn(
bar2)??activeIn(body),{scrollTop}=scroller,buttons=danger=>acts.filter(act2=>!act2.danger==!danger).map(actButton);bar2.replaceChildren(
...buttons(!1),el("span",{class:"cl-gap cl-flow"},...buttons(!0))),body.replaceChildren(...nodes),scroller.scrollTop=scrollTop,stale(
!1),held&&giveBack(held.dataset.key)}function actButton(act2){let run=()=>act2.why?complain(act2.why):open(act2,ids),off=act2.why&&
{"aria-disabled":"true",title:plain(act2.why)};return makeButton(act2.label,run,{"data-key":`act ${act2.name}`,class:act2.danger?"\
cl-btn cl-bad":"cl-btn",...off})}function giveBack(key2){let node=key2&&[...scroller.querySelectorAll("[data-key]")].find(one=>one.
dataset.key===key2);node?node.focus({preventScroll:!0}):app.focusGrid()}function keep(kept){for(let task of tasks)kept(task)||task.
el.remove();tasks=tasks.filter(kept)}function place(task){keep(({state})=>state==="busy"),tasks.push(task),slot.prepend(task.el),task.
el.scrollIntoView({block:"nearest"})}function open(act2,of){let ours=activeIn(bar2),task=createTask(app,act2,of,{back:()=>giveBack(
ours&&`act ${act2.name}`),done:()=>later(0)});place(task),task.start()}async function act(name,of){try{let{acts}=await askAbout(app,
of),found=acts.find(one=>one.name===name);if(!found||found.why)throw new Error(found?.why??`${name} cannot be done here.`);open(found,
of)}catch({message}){complain(message)}}function complain(text){let dismiss=signButton("Dismiss","close",()=>leave(()=>box.remove())),
box=el("div",{class:"cl-task cl-note cl-bad",role:"alert"},icon("fault"),el("span",{text:plain(text)}),dismiss);place({el:box})}function leave(run){
run(),app.focusGrid()}function key(event){event.key==="Escape"&&leave(()=>event.stopPropagation())}function follow(){let now=row&&
app.row(row.id);now&&show(now),refresh()}return app.on("focus",show),app.on("selected",()=>show(row)),app.on("rows",follow),new ResizeObserver(
see).observe(pane.el),show(app.focused),pane}function createPointer(app,grid){let{choice}=grid,lineOf=event=>event.target.closest(".cl-tr")?.clLine;function click(event){let line=lineOf(
event);if(!line?.row)return;let{row}=line;grid.goTo(row.index,-1,{scroll:!1}),row.children&&event.target.closest(".cl-twist")?grid.
turn(row,!row.open):event.shiftKey?choice.range(row.index,void 0,event.ctrlKey||event.metaKey?"add":"set"):event.ctrlKey||event.metaKey?
choice.toggle(row):choice.set([row.id],row)}function dblclick(event){lineOf(event)?.row&&!event.target.closest(".cl-twist")&&app.showPane(
!0)}function contextmenu(event){let line=lineOf(event);!line?.row||event.shiftKey||(event.preventDefault(),event.stopPropagation(),
event.button===2&&(grid.goTo(line.index,-1,{scroll:!1}),choice.has(line.row.id)||choice.set([line.row.id],line.row),rowMenu(app,line.
row,{x:event.clientX,y:event.clientY})))}function mousedown(event){event.shiftKey&&lineOf(event)&&event.preventDefault()}for(let act of[
click,dblclick,contextmenu,mousedown])grid.treegrid.addEventListener(act.name,act)}var BAR_WAIT=200,BAR_CHIPS=6,BAR_COLUMNS={status:"Status",size:"Size",where:"Host / path",age:"Age",id:"Id",created:"Created"},STATUS_TERM=/(?:^|\s)status:(\S*)/;
function createToolbar(app){let{model}=app,id=freshId(),input=el("input",{type:"search",class:"cl-input",spellcheck:"false",autocomplete:"\
off",...{"aria-label":"Filter","aria-describedby":id,placeholder:"Filter: name, id, status:error, size>10, backend:lab"},oninput:typed,
onkeydown:key}),problem=el("div",{class:"cl-bad",id}),faults=makeButton("Only faults",()=>set("only_faults",!model.get("only_fault\
s")),{sign:"fault"}),popup={"aria-haspopup":"menu","aria-expanded":"false"},columns=makeButton("Columns",columnMenu,{sign:"columns",
...popup}),details=makeButton("Details",()=>app.showPane(!open),{"aria-expanded":"false"}),more=makeButton("",statusMenu,{...popup,
class:"cl-btn cl-chip"}),chips=el("div",{class:"cl-flow",role:"group","aria-label":"Statuses"}),counts=el("span",{class:"cl-quiet \
cl-gap"}),state=el("span",{class:"cl-mark"}),find=el("div",{class:"cl-find"},icon("search"),input),top=el("div",{class:"cl-flow"},
find,faults,el("span",{class:"cl-gap cl-flow"},columns,details)),below=el("div",{class:"cl-flow"},chips,counts,state),bar2=el("div",
{class:"cl-tools",role:"group","aria-label":"Tools of the tree"},top,problem,below),order=[],open=!1,tell=!1,before="live",timer;function set(name,value){
model.set(name,value),model.save_changes()}function typed(){clearTimeout(timer),timer=setTimeout(()=>send(input.value),BAR_WAIT),press()}
function send(text){clearTimeout(timer),timer=0,input.value=text,tell=!0,set("filter",text),press()}function key(event){let{value}=input;
if(event.key==="ArrowDown")timer&&send(value),app.focusGrid();else if(event.key==="Escape"&&value)send("");else return;event.preventDefault(),
event.stopPropagation()}function follow(){timer||(input.value=model.get("filter")),press()}function showProblem(){let text=plain(model.
get("_problem")??"");setText(problem,text),setAttr(input,"aria-invalid",text?"true":null),text&&app.say(text)}let chosen=()=>input.
value.match(STATUS_TERM)?.[1].split(",")??[];function choose(status){let now=chosen(),next=now.includes(status)?now.filter(one=>one!==
status):[...now,status];send([input.value.replace(STATUS_TERM,"").trim(),next.length?`status:${next.join()}`:""].filter(Boolean).join(
" "))}function showChips(){let numbers2=new Map(app.head?.statuses),bad=status=>statusIcon("volume",status)==="fault";if(numbers2.
size!==order.length||!order.every(status=>numbers2.has(status))){let held=activeIn(chips);order=[...numbers2.keys()].sort((one,other)=>bad(
other)-bad(one)),chips.replaceChildren(...order.slice(0,BAR_CHIPS).map(status=>chip(status,bad(status))),...order.length>BAR_CHIPS?
[more]:[]),held&&([...chips.children].find(node=>node.dataset.status===held.dataset.status)??input).focus()}for(let node of chips.
children)node!==more&&setText(node.lastChild,count(numbers2.get(node.dataset.status)));press()}function chip(status,bad){let look={
sign:statusIcon("volume",status),class:bad?"cl-btn cl-chip cl-bad":"cl-btn cl-chip"},node=makeButton(status,()=>choose(status),{...look,
"data-status":status});return node.append(el("b")),node}function press(){let now=chosen(),hidden=order.slice(BAR_CHIPS);for(let node of chips.
children)node!==more&&setAttr(node,"aria-pressed",now.includes(node.dataset.status));setText(more.lastChild,hidden.filter(status=>now.
includes(status)).join(", ")||`${hidden.length} more`),setAttr(faults,"aria-pressed",!!model.get("only_faults"))}function statusMenu(){
let numbers2=new Map(app.head.statuses),item=status=>({label:`${status} ${count(numbers2.get(status))}`,checked:chosen().includes(
status),run:()=>choose(status)});openMenu(app,{anchor:more},order.slice(BAR_CHIPS).map(item),"More statuses")}function showCounts(){
let{volumes,shown,backends}=app.head,filtered=model.get("filter")||model.get("only_faults"),plural=(number,word)=>`${count(number)}\
 ${word}${number===1?"":"s"}`,all=plural(volumes,"volume"),text=filtered?`${shown==null?"…":count(shown)} of ${all}`:`${all} on ${plural(
Object.keys(backends).length,"backend")}`;setText(counts,text),!(!tell||filtered&&shown==null)&&(tell=!1,app.say(text))}function columnMenu(){
let names=model.get("columns"),items=Object.entries(BAR_COLUMNS).map(([name,label])=>({label,checked:names.includes(name),run:on=>setColumn(
name,on)}));openMenu(app,{anchor:columns},items,"Columns")}function setColumn(name,on){let all=Object.keys(BAR_COLUMNS),names=model.
get("columns").filter(one=>one!==name),next=names.findIndex(one=>all.indexOf(one)>all.indexOf(name));on&&names.splice(next<0?names.
length:next,0,name),set("columns",names)}function showLive(){let{state:now,since}=app.live,time=new Date(since*1e3).toLocaleTimeString(
[],{hour:"2-digit",minute:"2-digit"}),text={live:"live",busy:"kernel busy",static:`saved state of ${when(since)}`}[now]??`not live\
 since ${time}`;state.replaceChildren(icon({live:"live",busy:"busy"}[now]??"lost"),el("span",{text})),setAttr(state,"data-state",now),
now!==before&&[now,before].includes("lost")&&app.say(text),before=now}function showHead(){showChips(),app.head&&showCounts()}for(let[
name,run]of Object.entries({filter:follow,only_faults:press,_problem:showProblem}))model.on(`change:${name}`,run),run();return app.
on("head",showHead),app.on("live",showLive),app.on("pane",on=>setAttr(details,"aria-expanded",open=on)),showHead(),showLive(),{el:bar2}}var LOOKS=["filter","only_faults","sort"],OWN_KEYS="data-lm-suppress-shortcuts",WARNING=8e3,SETTLED=200,focusing=!1;function createApp(model){
let heard={};return{model,head:model.get("_state")?.head??null,on:(event,run)=>(heard[event]??=[]).push(run),emit:(event,data)=>heard[event]?.
forEach(run=>run(data))}}function createBanner(app){let text=el("span",{class:"cl-text"}),banner=el("div",{class:"cl-banner",hidden:!0},
icon("fault"),text),lasting="",timer=0;function show(problem){clearTimeout(timer),text.textContent=plain(problem),banner.hidden=!problem,
problem&&app.say(problem)}return app.warn=problem=>{show(problem),timer=setTimeout(()=>show(lasting),WARNING)},app.on("store",problem=>show(
lasting=problem??"")),banner}function hidingStyle(key){let copy=`[data-cl-tree="${CSS.escape(key)}"]`,around=[".jp-OutputArea-chil\
d",".output_area"].map(box=>`${box}:has(${copy}):not(:has(.cl-live))`);return key?`${[copy,...around].join()}{display:none!importa\
nt}`:""}function createSaying(app){let said=el("div",{class:"cl-said",role:"status"});return app.say=text=>said.textContent=said.textContent===
text?`${text} `:text,said}function connectRemote(app,model){let remote=createRemote(model,{pushed,turned});Object.defineProperty(
app,"live",{get:()=>remote.live}),app.ask=remote.ask;function show(head){app.head=head,app.emit("head",head)}function pushed({push,
rev,head,problem}){push==="changed"&&app.grid.cache.outdated(rev),push==="head"&&show(head),push==="store"&&app.emit("store",problem)}
async function hello(){let{rev,total,head}=await remote.ask("hello");show(head),app.grid.cache.outdated(rev),total!==app.grid.cache.
total&&app.grid.cache.recheck()}function turned(before){let{state}=remote.live,saved=model.get("_state");state==="static"&&saved?.
rows&&app.grid.fill({...saved,total:saved.rows.length}),["lost","static"].includes(before)&&hello().catch(()=>{}),app.emit("live",
remote.live)}return{hello:()=>hello().catch(()=>{}),end:remote.end}}function connectGrid(app,model){let{grid}=app,timer=0;return Object.
defineProperty(app,"fell",{get:()=>grid.spot.fell}),Object.defineProperty(app,"focused",{get:()=>grid.spot.row}),Object.defineProperty(
app,"selected",{get:()=>grid.choice.list()}),app.row=grid.cache.find,app.focusGrid=()=>{grid.show(grid.spot.index),grid.focus()},app.
reveal=async(id,take=!0)=>{try{let{index}=await app.ask("reveal",{row:id});if(index==null)return app.say("It is not among the rows\
 that are shown.");await grid.cache.jump(index),grid.goTo(index,-1,{take})}catch(error){app.warn(error.message)}},app.on("focus",({
id})=>{clearTimeout(timer),timer=setTimeout(()=>{model.get("focused")!==id&&(focusing=!0,model.set("focused",id),focusing=!1,model.
save_changes())},SETTLED)}),()=>{let id=model.get("focused");!focusing&&id&&id!==grid.spot.id&&app.reveal(id,!1)}}function connectPane(app,pane){
let side=el("div",{class:"cl-side",hidden:!0},pane.el);return app.showPane=on=>{let had=side.contains(side.getRootNode().activeElement);
side.hidden=!on,app.el.classList.toggle("cl-open",on),on?pane.show(app.focused):had&&app.focusGrid()},app.act=(name,ids)=>{app.showPane(
!0),pane.act(name,ids)},side}function listen(model,events){for(let[name,run]of events)model.on(`change:${name}`,run);return()=>{for(let[
name,run]of events)model.off(`change:${name}`,run)}}function render({model,el:place,signal}){let app=createApp(model),hiding=el("s\
tyle"),said=createSaying(app),banner=createBanner(app),remote=connectRemote(app,model),grid=app.grid=createGrid(app),follow=connectGrid(
app,model);app.el=el("div",{class:"cl-live",[OWN_KEYS]:"true"}),app.el.addEventListener("focusin",({target})=>target.setAttribute(
OWN_KEYS,"true"));let side=connectPane(app,createPane(app)),hide=()=>hiding.textContent=hidingStyle(model.get("_key")??""),again=()=>grid.
cache.restart(!0),deafen=listen(model,[["_key",hide],["_problem",()=>model.get("_problem")&&grid.cache.restart(!1)],["focused",follow],
...LOOKS.map(name=>[name,again])]);app.el.append(createToolbar(app).el,banner,el("div",{class:"cl-split"},grid.el,side),said,hiding),
grid.treegrid.setAttribute("aria-label",model.get("_state")?.title||"Block storage"),grid.treegrid.addEventListener("keydown",createKeys(
app,grid)),createPointer(app,grid),hide(),place.append(app.el),remote.hello(),grid.fill(model.get("_state")??{});let end=()=>{deafen(),
remote.end(),grid.stop()};return signal?.addEventListener("abort",end,{once:!0}),signal?void 0:end}var tree_default={render};export{tree_default as default};
